//! When Heroku was asked something.

use std::time::Duration;

use heroku_sso_store::{Dated, Sequence};
use time::OffsetDateTime;

use crate::clock::{Reading, SharedClock, UnixTime};

/// A moment, by three measures: the wall clock, the time elapsed in this process, and a sequence number of
/// the store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AsOf {
    wall: UnixTime,
    /// Nanoseconds by [`Clock::elapsed`](crate::Clock::elapsed); negative for a time before this process
    /// started.
    passed: i64,
    /// Orders two moments across all processes, also when a clock did not advance in between.
    pub(in crate::sync) sequence: Sequence,
}

impl AsOf {
    pub(in crate::sync) fn now(clock: &SharedClock, sequence: Sequence) -> Self {
        Self {
            wall: clock.now().into(),
            passed: nanoseconds(clock.elapsed()),
            sequence,
        }
    }

    /// A stored moment, perhaps of another process, whose clock may be ahead of ours.
    pub(in crate::sync) fn stored<T>(dated: &Dated<T>, clock: &SharedClock) -> Self {
        let now = UnixTime::from(clock.now());
        let by_wall = now.since(dated.asked_at.into());
        let age = by_wall.unwrap_or_default().max(dated.age);
        Self {
            wall: now.saturating_sub(age),
            passed: nanoseconds(clock.elapsed()) - nanoseconds(age),
            sequence: dated.sequence,
        }
    }

    /// Dates a value that was requested at this moment, for the store.
    pub(in crate::sync) fn date<T>(&self, value: T, clock: &SharedClock) -> Dated<T> {
        Dated::new(value, self.sequence, self.wall(), self.age(clock))
    }

    /// Age by the wall clock or by the elapsed time, whichever is greater. Setting a clock back makes nothing
    /// younger.
    pub(in crate::sync) fn age(&self, clock: &SharedClock) -> Duration {
        self.age_at(Reading::of(clock))
    }

    /// As [`age`](Self::age), with the current time supplied by the caller.
    pub(in crate::sync) fn age_at(&self, at: Reading) -> Duration {
        let passed = nanoseconds(at.elapsed) - self.passed;
        let passed = Duration::from_nanos(passed.try_into().unwrap_or(0));
        let by_wall = at.unix.since(self.wall);
        by_wall.map_or(passed, |by_wall| passed.max(by_wall))
    }

    /// By the wall clock.
    pub(in crate::sync) fn wall(&self) -> OffsetDateTime {
        self.wall.into()
    }

    pub(in crate::sync) fn is_before(&self, other: &Self) -> bool {
        self.sequence < other.sequence
    }

    /// How long after `other` this moment was: by the wall clock or by the elapsed time, whichever is longer.
    pub(in crate::sync) fn since(&self, other: &Self) -> Duration {
        let passed = self.passed - other.passed;
        let passed = Duration::from_nanos(passed.try_into().unwrap_or(0));
        let by_wall = self.wall.since(other.wall);
        by_wall.map_or(passed, |by_wall| passed.max(by_wall))
    }

    /// The moment `span` before this one, with the given sequence number.
    pub(in crate::sync) fn earlier_by(&self, span: Duration, sequence: Sequence) -> Self {
        let passed = self.passed.saturating_sub(nanoseconds(span));
        Self {
            wall: self.wall.saturating_sub(span),
            passed: passed.max(-EVER),
            sequence,
        }
    }

    /// The earlier of the two, by the elapsed time.
    pub(in crate::sync) fn earlier(self, other: Self) -> Self {
        if other.passed < self.passed {
            other
        } else {
            self
        }
    }
}

/// Longer than any time span, in nanoseconds. The difference of two such numbers still fits.
const EVER: i64 = i64::MAX / 2;

fn nanoseconds(time: Duration) -> i64 {
    time.as_nanos().try_into().unwrap_or(EVER)
}
