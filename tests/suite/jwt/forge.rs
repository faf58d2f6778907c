//! Forged tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;

/// A decoded token.
#[derive(Clone, Debug)]
pub struct Parts {
    pub header: Value,
    pub claims: Value,
}

pub fn parts(token: &str) -> Parts {
    let mut parts = token.split('.').map(|part| {
        let json = URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice(&json).ok()
    });
    Parts {
        header: parts.next().unwrap().unwrap(),
        claims: parts.next().unwrap().unwrap(),
    }
}

impl Parts {
    pub fn header(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }

    pub fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    pub fn without_header(mut self, name: &str) -> Self {
        self.header.as_object_mut().unwrap().remove(name);
        self
    }

    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name);
        self
    }

    pub fn signed_by(&self, key: &EncodingKey, algorithm: Algorithm) -> String {
        sign(
            &self.header.to_string(),
            &self.claims.to_string(),
            key,
            algorithm,
        )
    }

    pub fn unsigned(&self) -> String {
        format!(
            "{}.",
            message(&self.header.to_string(), &self.claims.to_string())
        )
    }
}

/// Signs arbitrary texts.
pub fn sign(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = message(header, claims);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn message(header: &str, claims: &str) -> String {
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    )
}
