//! Heroku's clock: the machine's, or one that a test controls.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

/// How often a sleeper polls a clock that has no timers.
const LOOK: Duration = Duration::from_millis(5);

pub(crate) struct Clock {
    read: Box<dyn Fn() -> SystemTime + Send + Sync>,
    started: SystemTime,
    /// The greatest time since the start that was ever read, in nanoseconds.
    longest: AtomicU64,
}

impl Clock {
    pub(crate) fn new(read: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self {
            started: read(),
            read: Box::new(read),
            longest: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.system_time().into()
    }

    pub(crate) fn system_time(&self) -> SystemTime {
        (self.read)()
    }

    /// The time since the start. It does not move while the clock is set back.
    pub(crate) fn elapsed(&self) -> Duration {
        let elapsed = self.system_time().duration_since(self.started);
        let elapsed = u64::try_from(elapsed.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX);
        let before = self.longest.fetch_max(elapsed, Ordering::Relaxed);
        Duration::from_nanos(before.max(elapsed))
    }

    /// Resolves when [`elapsed`](Self::elapsed) has grown by `duration`.
    pub(crate) async fn sleep(&self, duration: Duration) {
        let wake_at = self.elapsed() + duration;
        while let Some(left) = wake_at.checked_sub(self.elapsed()) {
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}
