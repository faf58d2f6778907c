//! Signed tokens: the keys, and one codec for all uses.
//!
//! Each token names its key (`kid`), and a key goes with one algorithm: what the token says of its
//! algorithm must be that. Type, issuer and audience are always set and compared, so that a token of
//! one use is rejected in every other (RFC 8725).

#[doc(hidden)]
pub mod codec;
mod key;
mod keys;

pub use key::{InvalidJwtKey, JwtKey};
pub use keys::JwtKeys;
pub(crate) use keys::PublicKeys;
