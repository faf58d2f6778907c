//! The three token formulas, as Heroku computes them.
//!
//! Each is a plain digest of fields joined by `:`, including the salt. The values are hashed
//! exactly as in the form: no folding of case, no reformatting of numbers. A `:` is not
//! escaped, and a plain digest can be length-extended. A caller must therefore have checked the grammar of
//! every field first; [`Verifier`](super::Verifier) does.
//!
//! ```
//! use tower_heroku_sso::sso::token;
//!
//! let digest = token::v1("123", "2f97bfa52ca102f8874716e2eb1d3b4920ad0be4", "1267597772");
//! assert_eq!(token::hex(&digest), "bb466eb1d6bc345d11072c3cd25c311f21be130d");
//! ```

use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// `user_scoped_resource_token`: SHA-256 of `resource_id:salt:timestamp:user_id:email`.
pub fn user_scoped_resource(
    resource_id: &str,
    salt: &str,
    timestamp: &str,
    user_id: &str,
    email: &str,
) -> [u8; 32] {
    digest::<Sha256>(&[resource_id, salt, timestamp, user_id, email]).into()
}

/// `resource_token`: SHA-1 of `resource_id:salt:timestamp`. Covers neither user id nor email.
pub fn resource(resource_id: &str, salt: &str, timestamp: &str) -> [u8; 20] {
    digest::<Sha1>(&[resource_id, salt, timestamp]).into()
}

/// `token`, of version 1: SHA-1 of `id:salt:timestamp`, where `id` is the provider's own id.
pub fn v1(id: &str, salt: &str, timestamp: &str) -> [u8; 20] {
    digest::<Sha1>(&[id, salt, timestamp]).into()
}

/// A digest in lower-case hexadecimal, as Heroku writes it.
pub fn hex(digest: &[u8]) -> String {
    hex::encode(digest)
}

fn digest<D: Digest>(fields: &[&str]) -> sha2::digest::Output<D> {
    // In one piece, which hashes faster, and wiped afterwards, as it contains the salt.
    let text = SecretString::from(fields.join(":"));
    D::digest(text.expose_secret())
}

/// Compares two secrets of any length; the time does not reveal where they differ.
pub(crate) fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    // Digests of equal length, so that the time does not reveal the length of the secret either.
    Sha256::digest(a).ct_eq(&Sha256::digest(b)).into()
}
