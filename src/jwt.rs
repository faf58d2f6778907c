//! Signed tokens: their keys (feature `jwt`).
//!
//! | use | algorithm | `typ` |
//! | --- | --- | --- |
//! | a session in a cookie ([`HerokuSsoBuilder::stateless`](crate::HerokuSsoBuilder::stateless)) | HS256, ES256 or EdDSA | `heroku-session+jwt` |
//! | a bearer token ([`HerokuSsoBuilder::bearer_tokens`](crate::HerokuSsoBuilder::bearer_tokens)) | ES256 or EdDSA | `heroku-bearer+jwt` |
//! | an assertion ([`assertion`](crate::assertion)) | ES256 or EdDSA | `heroku-assertion+jwt` |
//!
//! Each token names its key (`kid`), and a key goes with one algorithm: what the token says of its
//! algorithm must be that. Type, issuer and audience are always set and compared, so that a token of
//! one use is rejected in every other, and the end counts to the second, without leeway (RFC 8725).

pub(crate) use heroku_sso_assertion::codec::{Claims, Codec, JwtError};
pub use heroku_sso_assertion::{InvalidJwtKey, JwtKey, JwtKeys};
