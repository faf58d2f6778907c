//! Remembers whether the session store failed recently.

use std::error::Error;
use std::time::Duration;

use crate::clock::AtomicInstant;
use crate::error_chain;

/// For this long after a failure, callers that can do without the store do not call it.
const PAUSE: Duration = Duration::from_secs(5);

/// The last failure of the store.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker(AtomicInstant);

impl CircuitBreaker {
    pub(super) fn note(&self, now: Duration, error: &dyn Error) {
        self.0.set(now);
        tracing::warn!(
            %error, cause = error_chain::of(error),
            "store unavailable; sessions read before keep working"
        );
    }

    pub(super) fn is_recent(&self, now: Duration) -> bool {
        self.0.get().is_some_and(|at| now < at + PAUSE)
    }
}
