//! The Add-on SSO request: parsing and verification only.
//!
//! Pure code: no clock, no network, no store. A request passes when
//!
//! 1. every known field occurs at most once, and each field that is read follows its grammar: the timestamp,
//!    the email, the account if it is sent, and those of the strongest token,
//! 2. that token is the digest of its fields with one of the salts (compared in constant time), and the
//!    [`SsoPolicy`] accepts it,
//! 3. its timestamp is at most [`Verifier::max_age`] old and at most [`Verifier::max_skew`] ahead.
//!
//! The result is a [`VerifiedSso`], which only [`Verifier::verify`] can make. Whether the user
//! may enter is decided elsewhere, by the resource's access list. Whether the request was already
//! used is decided by the store that holds its [`ReplayKey`]s.
//!
//! Source: <https://devcenter.heroku.com/articles/add-on-single-sign-on>.

mod addon_sso;
mod error;
pub(crate) mod policy;
mod request;
pub mod token;
pub(crate) mod verified;
mod verify;

pub use error::SsoError;
#[doc(inline)]
pub use heroku_sso_store::ReplayKey;
pub(crate) use policy::SsoPolicy;
pub use request::SsoRequest;
pub(crate) use verified::Proof;
pub use verified::{SignedResource, VerifiedSso};
pub use verify::Verifier;
