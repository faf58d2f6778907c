//! How a notification is signed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The value of `Heroku-Webhook-Hmac-SHA256` for a body as it is sent.
pub(super) fn of(secret: &str, body: &[u8]) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .expect("HMAC accepts a key of any length");
    hmac.update(body);
    STANDARD.encode(hmac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    #[test]
    fn webhook_is_signed_over_the_raw_body() {
        let body =
            br#"{"id":"d472a8bb-1a3c-4f78-aad1-995e6d0022ec","action":"update","resource":"app"}"#;
        let signature = super::of("webhook-secret", body);
        assert_eq!(signature, "ai6nX1EGUEItxN/xc52KJhqXkrqID+oy8jIXPu5YGQQ=");
    }
}
