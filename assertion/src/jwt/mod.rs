//! Signed tokens: the keys, and one codec for all uses.
//!
//! Each token names its key (`kid`), and each key has one algorithm, which the token's own algorithm must
//! match. Type, issuer and audience are always set and compared, so that a token of
//! one use is rejected in every other (RFC 8725).

#[doc(hidden)]
pub mod codec;
mod key;
mod keys;

pub use key::{InvalidJwtKey, JwtKey};
pub use keys::JwtKeys;
pub(crate) use keys::PublicKeys;
