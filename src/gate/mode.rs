//! Whether the gate keeps people out.

/// What happens to a request that does not pass the check.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// It is refused.
    Guard,
    /// It goes on, without a [`HerokuUser`](super::HerokuUser).
    Identify,
}

/// In the extensions of a request that a gate let go on without anybody signed in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unauthenticated;
