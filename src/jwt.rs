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
//! one use is rejected in every other (RFC 8725). In the audience of cookies and bearer tokens is the add-on's
//! slug, so that those of another add-on of yours are rejected, also under the same key.
//!
//! The end counts to the second, and so does `nbf`, where a token has it. For assertions, which another
//! machine's clock checks, there are five seconds of leeway at both ends; for cookies and bearer tokens
//! there are none.

pub(crate) use heroku_sso_assertion::codec::{Claims, Codec, JwtError};
pub use heroku_sso_assertion::{InvalidJwtKey, JwtKey, JwtKeys};
