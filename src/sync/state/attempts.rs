//! Failed fetches of one list, and the back-off that they cause.

use std::time::Duration;

use crate::sync::SyncError;

pub(in crate::sync) const FIRST_RETRY: Duration = Duration::from_secs(1);
pub(in crate::sync) const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// Fetches that failed since the last successful one.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct Attempts {
    pub(in crate::sync) failures: u32,
    /// When the last one failed.
    pub(in crate::sync) failed_at: Duration,
    /// The [kind](crate::sync::SyncError::kind) of its error.
    pub(in crate::sync) error: Option<&'static str>,
    /// Between 0 and 1, drawn again after each fetch.
    pub(in crate::sync) jitter: f64,
}

impl Default for Attempts {
    /// No failures.
    fn default() -> Self {
        Self {
            failures: 0,
            failed_at: Duration::ZERO,
            error: None,
            jitter: fastrand::f64(),
        }
    }
}

impl Attempts {
    /// True if the last one failed.
    pub(in crate::sync) fn are_failing(&self) -> bool {
        self.failures > 0
    }

    /// How much longer to wait after the last failure. The back-off begins at a second, doubles up to a
    /// minute, and is shortened by up to half at random.
    pub(in crate::sync) fn back_off_left(&self, now: Duration) -> Duration {
        if self.failures == 0 {
            return Duration::ZERO;
        }
        let doubled = FIRST_RETRY * 2_u32.saturating_pow((self.failures - 1).min(16));
        let jitter = self.jitter.clamp(0.0, 1.0);
        let back_off = doubled.min(LONGEST_RETRY).mul_f64(1.0 - 0.5 * jitter);
        back_off.saturating_sub(now.saturating_sub(self.failed_at))
    }

    pub(in crate::sync) fn note_failure(&mut self, now: Duration, error: &SyncError) {
        *self = Self {
            failures: self.failures.saturating_add(1),
            failed_at: now,
            error: Some(error.kind()),
            jitter: fastrand::f64(),
        };
    }
}
