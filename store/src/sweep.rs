//! When a store removes expired entries, and how a failure is logged.

use parking_lot::Mutex;
use time::{Duration, OffsetDateTime};

#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::error_chain;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::log_target::LOG;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::store_error::StoreError;

/// How long used forms, sessions and closed sessions are kept after they have expired, as clocks differ.
pub(crate) const RETENTION: Duration = Duration::HOUR;

/// How many records of sessions are removed by one statement.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) const SESSIONS_AT_ONCE: i64 = 500;

const PERIOD: Duration = Duration::minutes(10);

/// When the next sweep is due.
#[derive(Debug, Default)]
pub(crate) struct Sweep(Mutex<Option<OffsetDateTime>>);

impl Sweep {
    /// Once a period, runs the future of `removal` in a task of its own, so that a sign-in does not wait
    /// for it. A failure is logged, and the next period tries again.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn run<F>(&self, now: OffsetDateTime, removal: impl FnOnce() -> F)
    where
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        if !self.is_due(now) {
            return;
        }
        let removal = removal();
        tokio::spawn(async move {
            if let Err(error) = removal.await {
                tracing::warn!(
                    target: LOG, %error, cause = error_chain::of(&error), "store cleanup failed"
                );
            }
        });
    }

    /// True once a period. Also if the next sweep is further ahead than that, as the clock was set back.
    pub(crate) fn is_due(&self, now: OffsetDateTime) -> bool {
        let mut next = self.0.lock();
        if next.is_some_and(|at| now < at && at <= now + PERIOD) {
            return false;
        }
        *next = Some(now + PERIOD);
        true
    }
}
