//! The layer: nobody passes whom the list does not have.
//!
//! A request reaches the wrapped service only if
//!
//! 1. its session cookie (or bearer token) names a session that this gate opened and that has not
//!    ended: by a form that Heroku signed, or by the partner's own login,
//! 2. the newest list of that session's resource is no older than `max_list_age`, and
//! 3. that list has the session's email, and names no other Heroku account for it.
//!
//! Two paths are the gate's own, and never reach the wrapped service: the SSO path, where Heroku
//! makes the browser post, and the sign-out path. Everything else is refused, as an HTML page for a
//! browser and as `application/problem+json` for a program; the [`RefusalKind`] is in the response's
//! extensions, so that an outer layer can count it.
//!
//! # Deployment caveat
//! The gate guards the service it wraps and nothing else. A route that is added to a router *after*
//! `.layer(...)`, or merged into it later, is outside.

mod accept;
#[cfg(feature = "jwt")]
mod bearer;
mod body;
mod check;
mod explain;
mod future;
mod keeper;
mod layer;
mod mode;
mod original_uri;
mod own_login;
mod page;
mod paths;
#[cfg(feature = "jwt")]
mod program_sign_in;
mod refusal;
mod refusal_kind;
mod require;
mod rule;
mod service;
mod sign_in;
mod sign_out;
mod user;
mod visit;
mod visitor;

#[cfg(feature = "jwt")]
pub use bearer::{BearerError, BearerToken};
pub use body::GateBody;
pub use future::ResponseFuture;
pub(crate) use keeper::{Keeper, Parts};
pub use layer::HerokuSsoLayer;
pub use own_login::{AdmitError, SignedIn, VerifiedEmail};
pub(crate) use paths::Paths;
pub use refusal_kind::RefusalKind;
pub use require::{Require, RequireFuture, RequireLayer};
#[cfg(feature = "axum")]
pub(crate) use rule::refusal_without;
pub use service::HerokuSsoGate;
pub use user::HerokuUser;
