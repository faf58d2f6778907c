//! Signed tokens: the keys, and one codec for all uses (feature `jwt`).
//!
//! | use | algorithm | `typ` |
//! | --- | --- | --- |
//! | a session in a cookie ([`HerokuSsoBuilder::stateless`](crate::HerokuSsoBuilder::stateless)) | HS256, ES256 or EdDSA | `heroku-session+jwt` |
//! | a bearer token ([`HerokuSsoBuilder::bearer_tokens`](crate::HerokuSsoBuilder::bearer_tokens)) | ES256 or EdDSA | `heroku-bearer+jwt` |
//! | an assertion ([`assertion`](crate::assertion)) | ES256 or EdDSA | `heroku-assertion+jwt` |
//!
//! Each token names its key (`kid`), and a key goes with one algorithm: what the token says of its
//! algorithm must be that. Type, issuer and audience are always set and compared, so that a token of
//! one use is none of another, and the end counts to the second, without leeway (RFC 8725).

mod codec;
mod key;
mod keys;

pub(crate) use codec::{Claims, Codec, JwtError, key_id, verify};
pub use key::{InvalidJwtKey, JwtKey};
pub use keys::JwtKeys;
pub(crate) use keys::PublicKeys;
