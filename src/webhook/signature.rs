//! `Heroku-Webhook-Hmac-SHA256`: standard base64 of an HMAC-SHA256 over the raw body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use sha2::Sha256;

use crate::secret::WebhookSecret;

pub(crate) const HEADER: &str = "heroku-webhook-hmac-sha256";

/// True if one of `secrets` signed exactly this body. Compares in constant time; if there are several
/// headers, none counts.
pub(crate) fn is_signed(headers: &HeaderMap, body: &[u8], secrets: &[WebhookSecret]) -> bool {
    let mut values = headers.get_all(HEADER).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(signature) = STANDARD.decode(value.as_bytes()) else {
        return false;
    };
    let signed_with = |secret: &WebhookSecret| {
        let mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes());
        mac.is_ok_and(|mac| mac.chain_update(body).verify_slice(&signature).is_ok())
    };
    // Checks all of them, so that the time does not reveal which one matched.
    secrets
        .iter()
        .fold(false, |found, secret| signed_with(secret) | found)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const BODY: &[u8] =
        br#"{"id":"d472a8bb-1a3c-4f78-aad1-995e6d0022ec","action":"update","resource":"app"}"#;
    const SIGNATURE: &str = "fWZ0KtBi4MKZi3/JYZLhQnpru1ajMkD1tG8kpqfPgVc=";

    fn secret(text: &str) -> WebhookSecret {
        WebhookSecret::new(text).unwrap()
    }

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_static(value));
        }
        headers
    }

    /// Computed with `openssl dgst -sha256 -hmac`.
    #[test]
    fn the_known_vector_is_accepted_with_either_of_two_secrets() {
        let headers = headers(&[SIGNATURE]);
        let (good, other) = (
            secret("webhook-secret-of-ours"),
            secret("another-secret-of-ours"),
        );
        assert!(is_signed(&headers, BODY, std::slice::from_ref(&good)));
        assert!(is_signed(&headers, BODY, &[other.clone(), good.clone()]));
        assert!(is_signed(&headers, BODY, &[good, other.clone()]));
        assert!(!is_signed(&headers, BODY, &[other]));
    }

    #[test]
    fn a69_any_other_signature_is_rejected() {
        let secrets = [secret("webhook-secret-of-ours")];
        // The right HMAC in other encodings than standard base64 with padding.
        let url_safe = "fWZ0KtBi4MKZi3_JYZLhQnpru1ajMkD1tG8kpqfPgVc=";
        let unpadded = "fWZ0KtBi4MKZi3/JYZLhQnpru1ajMkD1tG8kpqfPgVc";
        let hex = "7d66742ad062e0c2998b7fc96192e1427a6bbb56a33240f5b46f24a6a7cf8157";
        for values in [
            &[][..],
            &[""],
            &[url_safe],
            &[unpadded],
            &["AAAA"],
            &[SIGNATURE, SIGNATURE],
            &[hex],
        ] {
            assert!(!is_signed(&headers(values), BODY, &secrets), "{values:?}");
        }
        assert!(!is_signed(&headers(&[SIGNATURE]), b"{}", &secrets));
        assert!(!is_signed(&headers(&[SIGNATURE]), BODY, &[]));
    }
}
