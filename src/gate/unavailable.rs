//! The rejections of requests that cannot be checked now: 503.

use std::time::Duration;

use super::debug_reason::DebugReasons;
use super::rejection::Rejection;
use crate::deadlines::REQUEST;
use crate::error_chain;
use crate::session::SessionError;

/// When a client should repeat a request that could not be checked.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The request has run out of time, and access is undecided.
pub(super) fn out_of_time(reasons: DebugReasons, what: &'static str) -> Rejection {
    tracing::warn!(what, limit = ?REQUEST, "request timed out at the gate; no cookie is cleared");
    let rejection = Rejection::cannot_check(RETRY_AFTER);
    reasons.add(
        rejection,
        &format_args!("the {what} took longer than {REQUEST:?}"),
    )
}

/// Sessions cannot be looked up, opened or closed.
pub(super) fn sessions_unavailable(reasons: DebugReasons, error: &SessionError) -> Rejection {
    tracing::error!(%error, cause = error_chain::of(error), "sessions could not be checked");
    let rejection = Rejection::cannot_check(RETRY_AFTER);
    reasons.add_error(rejection, error)
}
