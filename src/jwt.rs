//! Signed tokens: their keys (feature `jwt`).
//!
//! | use | algorithm | `typ` |
//! | --- | --- | --- |
//! | a session in a cookie ([`CookieSessions`](crate::CookieSessions)) | HS256, ES256 or EdDSA | `heroku-session+jwt` |
//! | a bearer token ([`HerokuSsoBuilder::bearer_tokens`](crate::HerokuSsoBuilder::bearer_tokens)) | ES256 or EdDSA | `heroku-bearer+jwt` |
//! | an assertion ([`assertion`](crate::assertion)) | ES256 or EdDSA | `heroku-assertion+jwt` |
//!
//! Each token names its key (`kid`), and each key has one algorithm, which the token's own algorithm must
//! match. Type, issuer and audience are always set and compared, so that a token of
//! one use is rejected in every other (RFC 8725). The audience of cookies and bearer tokens contains the
//! add-on's slug, so that tokens of another add-on of yours are rejected, even with the same key.
//!
//! `exp` is exact to the second, and so is `nbf`, if a token has it. Assertions, which are checked by
//! another machine's clock, have five seconds of leeway at both ends; cookies and bearer tokens
//! have none.

pub(crate) use heroku_sso_assertion::codec::{Claims, Codec, JwtError};
pub use heroku_sso_assertion::{InvalidJwtKey, JwtKey, JwtKeys};
