//! Whether the gate requires a user.

use super::on_rejection::OnRejection;

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
