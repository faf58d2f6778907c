//! Whether the gate requires a user, and what it says about a request that has none.

#[cfg(feature = "axum")]
use http::request::Parts;

#[cfg(feature = "axum")]
use super::RejectionKind;
#[cfg(feature = "axum")]
use super::observed::Observed;
use super::on_rejection::OnRejection;
#[cfg(feature = "axum")]
use super::rejection::Rejection;

/// What happens to a request that does not pass the check.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// It is rejected.
    Required,
    /// It reaches the service, without a [`HerokuUser`](super::HerokuUser).
    Optional,
}

/// In the extensions of a request that a gate admitted without a signed-in user.
#[derive(Clone, Debug)]
pub(super) struct Unauthenticated {
    pub(super) on_rejection: OnRejection,
    /// The request had a bearer token, so it is a program's, whatever it accepts.
    pub(super) is_bearer: bool,
}

/// The rejection of a request that a gate admitted without a signed-in user, at a handler that needs one. None
/// outside of a gate. Nor while the gate observes: it gives no request a user then.
#[cfg(feature = "axum")]
pub(crate) fn rejection_without_user(request: &Parts) -> Option<Rejection> {
    let extensions = &request.extensions;
    let is_optional =
        extensions.get::<Unauthenticated>().is_some() && extensions.get::<Observed>().is_none();
    is_optional.then(|| Rejection::new(RejectionKind::NoSession))
}
