//! Whether the session store failed a moment ago.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::cause;

/// How long the store is left alone after a failure, by those who can do without it.
const PAUSE: Duration = Duration::from_secs(5);

/// The last failure of the store.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Milliseconds of [`Clock::elapsed`](crate::Clock::elapsed), plus one; zero for never.
    failed_at: AtomicU64,
}

impl Outage {
    pub(super) fn note(&self, now: Duration, error: &dyn Error) {
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.failed_at
            .store(millis.saturating_add(1), Ordering::Relaxed);
        tracing::warn!(
            %error, cause = cause::of(error),
            "the session store is away; who was in a moment ago stays in"
        );
    }

    pub(super) fn is_recent(&self, now: Duration) -> bool {
        let failed_at = self.failed_at.load(Ordering::Relaxed);
        failed_at > 0 && now < Duration::from_millis(failed_at - 1) + PAUSE
    }
}
