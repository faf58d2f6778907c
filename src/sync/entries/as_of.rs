//! When Heroku was asked something.

use std::time::Duration;

use time::{Duration as SignedDuration, OffsetDateTime};

use crate::clock::{Reading, SharedClock};
use crate::store::{Dated, Ticket};

/// A moment, by three measures: the wall clock, the time elapsed in this process, and a ticket of the store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AsOf {
    pub(in crate::sync) wall: OffsetDateTime,
    /// By [`Clock::elapsed`](crate::Clock::elapsed); negative if it was before this process started.
    passed: SignedDuration,
    /// Orders two moments across all processes, also when a clock did not advance in between.
    pub(in crate::sync) ticket: Ticket,
}

impl AsOf {
    pub(in crate::sync) fn now(clock: &SharedClock, ticket: Ticket) -> Self {
        Self {
            wall: clock.now(),
            passed: signed(clock.elapsed()),
            ticket,
        }
    }

    /// A stored moment, perhaps of another process, whose clock may be ahead of ours.
    pub(in crate::sync) fn stored<T>(dated: &Dated<T>, clock: &SharedClock) -> Self {
        let now = clock.now();
        let age = (now - dated.asked_at).max(signed(dated.age));
        Self {
            wall: now - age,
            passed: signed(clock.elapsed()) - age,
            ticket: dated.ticket,
        }
    }

    /// Dates a value that was requested at this moment, for the store.
    pub(in crate::sync) fn date<T>(&self, value: T, clock: &SharedClock) -> Dated<T> {
        Dated::new(value, self.ticket, self.wall, self.age(clock))
    }

    /// Age by the wall clock or by the elapsed time, whichever is greater. Setting a clock back makes nothing
    /// younger.
    pub(in crate::sync) fn age(&self, clock: &SharedClock) -> Duration {
        self.age_at(Reading::of(clock))
    }

    /// As [`age`](Self::age), with the current time supplied by the caller.
    pub(in crate::sync) fn age_at(&self, at: Reading) -> Duration {
        let passed = signed(at.elapsed) - self.passed;
        let by_wall = at.now - self.wall;
        passed.max(by_wall).try_into().unwrap_or(Duration::ZERO)
    }

    pub(in crate::sync) fn is_before(&self, other: &Self) -> bool {
        self.ticket < other.ticket
    }

    pub(in crate::sync) fn earlier(self, other: Self) -> Self {
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
