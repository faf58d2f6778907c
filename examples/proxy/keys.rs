//! The key that signs assertions.

use std::error::Error;
use std::{env, fs};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tower_heroku_sso::jwt::{JwtKey, JwtKeys};

/// From `ASSERTION_KEY`: a P-256 or Ed25519 key in PEM, or the path of one. Without it a demo makes a key,
/// which is lost when the demo ends.
pub(crate) fn from_env(is_demo: bool) -> Result<JwtKeys, Box<dyn Error>> {
    let text = env::var("ASSERTION_KEY").unwrap_or_default();
    let pem = if text.contains("-----BEGIN") {
        text
    } else if !text.is_empty() {
        let read = fs::read_to_string(text);
        read.map_err(|error| format!("ASSERTION_KEY names a file that cannot be read: {error}"))?
    } else if is_demo {
        new_pem()?
    } else {
        return Err(
            "ASSERTION_KEY is not set: `openssl genpkey -algorithm ed25519` makes one".into(),
        );
    };
    let key = JwtKey::ed25519_pem(&pem).or_else(|_| JwtKey::es256_pem(&pem));
    Ok(JwtKeys::new(key.map_err(|error| {
        format!("ASSERTION_KEY is not a P-256 or Ed25519 key: {error}")
    })?))
}

fn new_pem() -> Result<String, Box<dyn Error>> {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    let key = STANDARD.encode(key.map_err(|_| "a key cannot be made")?);
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in key.as_bytes().chunks(64) {
        pem.push_str(str::from_utf8(line)?);
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}
