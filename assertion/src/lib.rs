//! Signed assertions of the user of a request, for services behind a gate of `tower-heroku-sso`.
//!
//! A dashboard is often more than one process: a Rails app behind a gating proxy, a reports service
//! behind the dashboard. The gate adds a header to each request that it admits,
//! `x-heroku-sso-assertion`: a JWT of at most five minutes, signed with a key whose public half the
//! service behind fetches. This crate is that service's side, and the claims that both sides share.
//!
//! A request passes [`VerifyAssertion`] only if
//!
//! 1. it has exactly one header `x-heroku-sso-assertion`,
//! 2. the token in it was signed by a key of the gate's JWK set (ES256 or EdDSA), under that key's name,
//! 3. its type is `heroku-assertion+jwt`, and its issuer and audience are the expected ones,
//! 4. it has not expired, and its `nbf`, if it has one, has come: with five seconds of leeway at both
//!    ends, as the gate and the service have different clocks.
//!
//! Every other request is answered with 401 as `application/problem+json`, or with 503 while the JWK set is
//! unavailable. The header is removed, so that no other reader of it decides by an assertion that was not
//! checked.
//!
//! ```
//! use axum::{Router, routing::get};
//! use heroku_sso_assertion::{AssertedUser, VerifyAssertion};
//!
//! # fn app() -> Result<Router, Box<dyn std::error::Error>> {
//! let verify = VerifyAssertion::from_jwks_url(
//!     "https://addon.example.com/.well-known/jwks.json",
//!     "https://addon.example.com",
//!     "reports",
//! )?;
//! let app = Router::new()
//!     .route("/", get(|user: AssertedUser| async move { user.email().to_owned() }))
//!     .layer(verify);
//! # Ok(app)
//! # }
//! ```
//!
//! # Claims
//! `iss`, `aud`, `iat`, `exp`, `sub` (the Heroku account, or the email if that is not known), `email`,
//! `user_id`, `resource_id`, `app` with `id` and `name`, `roles`, and `proof` ([`Proof`]). With an unsigned
//! email, `roles` is empty and `user_id` is absent, unless the gate is configured to assert them.
//!
//! **In other languages**: check the signature with the gate's JWK set, the algorithm (ES256 or EdDSA,
//! whichever your gate has a key for), issuer, audience and `exp`. Libraries that expect `typ` to be `JWT`
//! or absent, such as Nimbus and therefore Spring Security, must be configured to accept
//! `heroku-assertion+jwt`:
//! `processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("heroku-assertion+jwt")))`.
//!
//! An assertion states that the user was on the list when it was made. A service that keeps a connection
//! open for long should close it at [`AssertedUser::expires_at`].
//!
//! # Features
//! | feature | what it adds | default |
//! | --- | --- | --- |
//! | `axum` | [`AssertedUser`] as an extractor | yes |

#![warn(unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod claims;
mod clock;
#[cfg(feature = "axum")]
mod extract;
mod fetched_keys;
#[doc(hidden)]
pub mod header;
mod issue;
mod jwt;
mod rejection;
mod verify;

pub use claims::{AssertedUser, Identity, Proof};
#[cfg(feature = "axum")]
pub use extract::NotVerified;
pub use fetched_keys::JwksSetupError;
pub use header::HEADER;
pub use issue::{Issuer, SigningFailed};
pub use jwt::{InvalidJwtKey, JwtKey, JwtKeys};
pub use verify::{Verified, VerifyAssertion, VerifyFuture};

/// The code with which `tower-heroku-sso` makes its own tokens. Not part of this crate's stable interface.
#[doc(hidden)]
pub use jwt::codec;

/// The README's example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
