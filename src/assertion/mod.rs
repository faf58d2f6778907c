//! Who is behind a request, signed, for services behind the gate (feature `jwt`).
//!
//! A dashboard is often more than one process: a Rails app behind a gating proxy, a reports service
//! behind the dashboard. [`Assertions`] adds a header to each request that passed the gate,
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
//! let app = Router::new()
//!     .route("/", get(|| async { "sent on with the header" }))
//!     .layer(assertions.layer()) // inside the gate
//!     .layer(sso.layer())
//!     .merge(sso.endpoints())
//!     .merge(assertions.jwks()); // /.well-known/jwks.json, outside of it
//! # Ok(app)
//! # }
//! ```
//!
//! In the other service, which may be written in any language, the claims are `iss`, `aud`, `iat`,
//! `exp`, `sub` (the Heroku account, or the email if that is not known), `email`, `user_id`,
//! `resource_id`, `app` with `id` and `name`, `roles`, and `proof` (`signed_email`, `unsigned_email`, whose
//! `roles` are empty unless you say otherwise, or `own_login`). In Rust, [`VerifyAssertion`] is a
//! layer that does it all:
//!
//! ```
//! use axum::{Router, routing::get};
//! use tower_heroku_sso::assertion::{AssertedUser, VerifyAssertion};
//!
//! # fn app() -> Result<Router, Box<dyn std::error::Error>> {
//! let verify = VerifyAssertion::from_jwks_url(
//!     "https://addon.example.com/.well-known/jwks.json",
//!     "https://addon.example.com",
//!     "reports",
//! )?;
//! let app = Router::new()
//!     .route("/", get(|user: AssertedUser| async move { user.email().to_string() }))
//!     .layer(verify);
//! # Ok(app)
//! # }
//! ```
//!
//! An assertion says that somebody was on the list when it was made. Services that hold a connection
//! open for long should hang up when [`AssertedUser::expires_at`] has come.

mod body;
mod claims;
mod fetched_keys;
mod header;
mod issue;
mod layer;
mod refusal;
mod verify;

pub use body::WithoutAssertion;
pub use claims::AssertedUser;
pub use fetched_keys::JwksSetupError;
pub use header::HEADER;
pub use issue::Assertions;
pub use layer::{Assert, AssertLayer};
pub use verify::{Verified, VerifyAssertion, VerifyFuture};
