//! When something was asked of Heroku.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use time::{Duration as SignedDuration, OffsetDateTime};

use crate::clock::SharedClock;

/// A moment by the wall clock and by the time that has passed in this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moment {
    pub(super) wall: OffsetDateTime,
    /// Of [`Clock::elapsed`](crate::Clock::elapsed); below zero for one before this process.
    pub(super) passed: SignedDuration,
    /// Which of two came first, also when the clock did not move in between. Zero for one that was
    /// written down.
    order: u64,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Moment {
    pub(super) fn now(clock: &SharedClock) -> Self {
        Self {
            wall: clock.now(),
            passed: signed(clock.elapsed()),
            order: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// A moment that was written down, perhaps by another process.
    pub(super) fn stored(wall: OffsetDateTime, clock: &SharedClock) -> Self {
        Self {
            wall,
            passed: signed(clock.elapsed()) - (clock.now() - wall),
            order: 0,
        }
    }

    /// Age by the wall or by the time passed, whichever is more: a clock that is set back makes
    /// nothing younger.
    pub(super) fn age(&self, clock: &SharedClock) -> Duration {
        let passed = signed(clock.elapsed()) - self.passed;
        let by_wall = clock.now() - self.wall;
        passed.max(by_wall).try_into().unwrap_or(Duration::ZERO)
    }

    pub(super) fn is_before(&self, other: &Self) -> bool {
        (self.order, self.passed) < (other.order, other.passed)
    }

    pub(super) fn earlier(self, other: Self) -> Self {
        if other.passed < self.passed {
            other
        } else {
            self
        }
    }
}

fn signed(elapsed: Duration) -> SignedDuration {
    elapsed.try_into().unwrap_or(SignedDuration::MAX)
}
