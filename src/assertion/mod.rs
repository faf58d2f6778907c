//! Signed assertions of the user of a request, for services behind the gate (feature `jwt`).
//!
//! A dashboard is often more than one process: a Rails app behind a gating proxy, a reports service
//! behind the dashboard. [`Assertions`] adds a header to each request that the gate admits,
//! `x-heroku-sso-assertion`: a JWT of at most five minutes, signed with a key whose public half the
//! other service can fetch. An inbound header of that name, in any spelling, is removed first.
//!
//! ```
//! use axum::{Router, routing::get};
//! use tower_heroku_sso::assertion::Assertions;
//! use tower_heroku_sso::jwt::{JwtKey, JwtKeys};
//!
//! # fn app(sso: tower_heroku_sso::HerokuSso, pem: &str) -> Result<Router, Box<dyn std::error::Error>> {
//! let keys = JwtKeys::new(JwtKey::es256_pem(pem)?);
//! let assertions = Assertions::new(keys, "https://addon.example.com", "reports")?;
//! let router = Router::new()
//!     .route("/", get(|| async { "sent on with the header" }))
//!     .layer(assertions.layer()); // inside the gate
//! let app = sso
//!     .protect(router)
//!     .merge(assertions.jwks()); // /.well-known/jwks.json, outside of it
//! # Ok(app)
//! # }
//! ```
//!
//! The other service, which may be written in any language, checks signature, `iss`, `aud`, `typ` and
//! `exp`. In Rust, the crate [`heroku_sso_assertion`] has the claims and a layer that makes all these
//! checks; it does not depend on this crate. With an [unsigned email](crate::Proof::UnsignedEmail) the
//! assertion has no roles, unless [`Assertions::trust_unsigned_email`] was called.

mod body;
mod issue;
mod layer;

pub use heroku_sso_assertion::HEADER;
pub use issue::Assertions;
pub use layer::AssertLayer;
