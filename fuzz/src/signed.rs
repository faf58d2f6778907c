//! Tokens with arbitrary content and a valid signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use tower_heroku_sso::jwt::{JwtKey, JwtKeys};

const SECRET: &str = "Zm9yIGZ1enppbmcgb25seSwgYW5kIGZvciBub3RoaW5nIGVsc2Uh";
const P256: &str = include_str!("p256.pem");
const ED25519: &str = include_str!("ed25519.pem");

/// The keys of this program.
pub struct Keys {
    all: [(JwtKey, EncodingKey, Algorithm); 3],
}

impl Keys {
    pub fn new() -> Self {
        let secret = EncodingKey::from_base64_secret(SECRET).unwrap();
        let p256 = EncodingKey::from_ec_pem(P256.as_bytes()).unwrap();
        let ed25519 = EncodingKey::from_ed_pem(ED25519.as_bytes()).unwrap();
        Self {
            all: [
                (
                    JwtKey::hs256_base64(SECRET).unwrap(),
                    secret,
                    Algorithm::HS256,
                ),
                (JwtKey::es256_pem(P256).unwrap(), p256, Algorithm::ES256),
                (
                    JwtKey::ed25519_pem(ED25519).unwrap(),
                    ed25519,
                    Algorithm::EdDSA,
                ),
            ],
        }
    }

    /// The keys for bearer tokens and assertions.
    pub fn public(&self) -> JwtKeys {
        JwtKeys::new(self.all[1].0.clone()).with_previous_key(self.all[2].0.clone())
    }

    /// The keys for session cookies.
    pub fn of_cookies(&self) -> JwtKeys {
        JwtKeys::new(self.all[0].0.clone())
            .with_previous_key(self.all[1].0.clone())
            .with_previous_key(self.all[2].0.clone())
    }

    /// `text` with `{kid0}` to `{kid2}` replaced by the key ids.
    pub fn name(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (number, (key, ..)) in self.all.iter().enumerate() {
            text = text.replace(&format!("{{kid{number}}}"), key.id());
        }
        text
    }

    /// A token of this header and these claims, signed with the key of this number.
    pub fn sign(&self, number: usize, header: &str, claims: &str) -> Option<String> {
        let (_, key, algorithm) = self.all.get(number)?;
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        let message = format!("{header}.{claims}");
        let signature = sign(message.as_bytes(), key, *algorithm).ok()?;
        Some(format!("{message}.{signature}"))
    }

    /// The id and the algorithm of the key with this number.
    pub fn named(&self, number: usize) -> (&str, &'static str) {
        let (key, _, algorithm) = &self.all[number];
        let algorithm = match algorithm {
            Algorithm::HS256 => "HS256",
            Algorithm::ES256 => "ES256",
            _ => "EdDSA",
        };
        (key.id(), algorithm)
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new()
    }
}
