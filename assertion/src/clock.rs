//! The time, and the elapsed time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Clones share the time.
#[derive(Clone)]
pub(crate) enum Clock {
    System { started: Instant },
    Given(Arc<Given>),
}

/// A clock of the caller, which provides only the time.
pub(crate) struct Given {
    read: Box<dyn Fn() -> SystemTime + Send + Sync>,
    started: SystemTime,
    /// The longest elapsed time that was ever read, in nanoseconds.
    longest: AtomicU64,
}

impl Clock {
    pub(crate) fn system() -> Self {
        Self::System {
            started: Instant::now(),
        }
    }

    pub(crate) fn given(read: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self::Given(Arc::new(Given {
            started: read(),
            read: Box::new(read),
            longest: AtomicU64::new(0),
        }))
    }

    /// Seconds since the Unix epoch.
    pub(crate) fn unix_timestamp(&self) -> i64 {
        let now = match self {
            Self::System { .. } => SystemTime::now(),
            Self::Given(given) => (given.read)(),
        };
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs().try_into().unwrap_or(i64::MAX))
    }

    /// The elapsed time since the start. It never decreases.
    pub(crate) fn elapsed(&self) -> Duration {
        match self {
            Self::System { started } => started.elapsed(),
            Self::Given(given) => {
                let elapsed = (given.read)().duration_since(given.started);
                let elapsed = elapsed.unwrap_or_default().as_nanos();
                let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
                let before = given.longest.fetch_max(elapsed, Ordering::Relaxed);
                Duration::from_nanos(before.max(elapsed))
            }
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System { .. } => "SystemClock",
            Self::Given(_) => "GivenClock",
        })
    }
}
