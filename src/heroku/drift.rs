//! The difference between our clock and Heroku's. Reported, never used: decisions are by our clock.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use time::Duration;

/// SSO requests may be 60 seconds ahead: half of that justifies a warning.
const WARN_FROM: Duration = Duration::seconds(30);

/// Below this difference the clocks agree again. It is well below the limit of the warning, so that a
/// difference near that limit is not reported again and again.
const AGREE_BELOW: Duration = Duration::seconds(20);

/// The difference according to the last answer.
#[derive(Debug)]
pub(super) struct ClockDrift {
    seconds: AtomicI64,
    warned: AtomicBool,
}

const UNKNOWN: i64 = i64::MIN;

impl Default for ClockDrift {
    fn default() -> Self {
        Self {
            seconds: AtomicI64::new(UNKNOWN),
            warned: AtomicBool::new(false),
        }
    }
}

impl ClockDrift {
    /// Warns once when the clocks differ, and logs when they agree again.
    pub(super) fn note(&self, drift: Option<Duration>) {
        let Some(drift) = drift else { return };
        let seconds = drift.whole_seconds();
        self.seconds.store(seconds, Ordering::Relaxed);
        let warned = self.warned.load(Ordering::Relaxed);
        let apart = match warned {
            false => drift.abs() >= WARN_FROM,
            true => drift.abs() >= AGREE_BELOW,
        };
        if self.warned.swap(apart, Ordering::Relaxed) == apart {
            return;
        }
        if apart {
            tracing::warn!(
                event = "clock_drift",
                seconds,
                "heroku's clock is ahead of ours by this much (behind, if negative): sign-ins may \
                 be rejected as too old or from the future"
            );
        } else {
            tracing::info!(
                event = "clock_drift_over",
                seconds,
                "the clock agrees with heroku's again"
            );
        }
    }

    pub(super) fn last(&self) -> Option<Duration> {
        let seconds = self.seconds.load(Ordering::Relaxed);
        (seconds != UNKNOWN).then(|| Duration::seconds(seconds))
    }
}
