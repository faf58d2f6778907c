//! Keys for these tests only.

use tower_heroku_sso::jwt::{JwtKey, JwtKeys};

pub const P256: [&str; 2] = [include_str!("p256_1.pem"), include_str!("p256_2.pem")];
pub const ED25519: [&str; 2] = [include_str!("ed25519_1.pem"), include_str!("ed25519_2.pem")];
pub const SECRETS: [&str; 2] = [
    "Zm9yIHRlc3RzIG9ubHksIGFuZCBmb3Igbm90aGluZyBlbHNlIQ==",
    "YW5vdGhlciBvbmUgZm9yIHRlc3RzIG9ubHksIGxpa2UgdGhlIGZpcnN0",
];

pub fn es256(number: usize) -> JwtKey {
    JwtKey::es256_pem(P256[number]).unwrap()
}

pub fn ed25519(number: usize) -> JwtKey {
    JwtKey::ed25519_pem(ED25519[number]).unwrap()
}

pub fn hs256(number: usize) -> JwtKey {
    JwtKey::hs256_base64(SECRETS[number]).unwrap()
}

pub fn only(key: JwtKey) -> JwtKeys {
    JwtKeys::new(key)
}
