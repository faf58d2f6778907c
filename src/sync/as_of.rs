//! When something was asked of Heroku.

use std::time::Duration;

use time::{Duration as SignedDuration, OffsetDateTime};

use crate::clock::{Reading, SharedClock};
use crate::store::{Dated, Ticket};

/// A moment by the wall clock, by the time that has passed in this process, and by a ticket of the
/// store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AsOf {
    pub(super) wall: OffsetDateTime,
    /// Of [`Clock::elapsed`](crate::Clock::elapsed); below zero for one before this process.
    passed: SignedDuration,
    /// Which of two came first, for all processes and also when a clock did not move in between.
    pub(super) ticket: Ticket,
}

impl AsOf {
    pub(super) fn now(clock: &SharedClock, ticket: Ticket) -> Self {
        Self {
            wall: clock.now(),
            passed: signed(clock.elapsed()),
            ticket,
        }
    }

    /// A moment that was written down, perhaps by another process, whose clock may be ahead of ours.
    pub(super) fn stored<T>(dated: &Dated<T>, clock: &SharedClock) -> Self {
        let now = clock.now();
        let age = (now - dated.asked_at).max(signed(dated.age));
        Self {
            wall: now - age,
            passed: signed(clock.elapsed()) - age,
            ticket: dated.ticket,
        }
    }

    /// What was asked for then, for a store.
    pub(super) fn date<T>(&self, value: T, clock: &SharedClock) -> Dated<T> {
        Dated::new(value, self.ticket, self.wall, self.age(clock))
    }

    /// Age by the wall or by the time passed, whichever is more: a clock that is set back makes
    /// nothing younger.
    pub(super) fn age(&self, clock: &SharedClock) -> Duration {
        self.age_at(Reading::of(clock))
    }

    /// As [`age`](Self::age), for who has read the clock.
    pub(super) fn age_at(&self, at: Reading) -> Duration {
        let passed = signed(at.elapsed) - self.passed;
        let by_wall = at.now - self.wall;
        passed.max(by_wall).try_into().unwrap_or(Duration::ZERO)
    }

    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.ticket < other.ticket
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
