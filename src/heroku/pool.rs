//! What is left of Heroku's rate limit, as far as its answers tell.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::limits::{self, Level, Urgency};

/// One pool of calls: of one token, or of all of them.
///
/// Times are those of [`Clock::elapsed`](crate::Clock::elapsed).
#[derive(Debug, Default)]
pub(crate) struct RatePool(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    paused_until: Duration,
    level: Option<Level>,
    under_way: u32,
}

/// A call that has not been answered yet.
#[derive(Debug)]
pub(super) struct UnderWay<'a>(&'a RatePool);

impl RatePool {
    /// How long calls of this urgency should wait: until a pause is over, and until enough is left
    /// for what is more urgent.
    pub(crate) fn wait(&self, urgency: Urgency, now: Duration) -> Duration {
        let state = self.state();
        let pause = state.paused_until.saturating_sub(now);
        let scarce = state.level.map(|level| {
            let left = level.estimate(now) - f64::from(state.under_way);
            limits::wait_for(left, level.size, urgency)
        });
        pause.max(scarce.unwrap_or_default())
    }

    /// The calls that are left, by the lowest answer and the refill since; none before an answer.
    pub(crate) fn left(&self, now: Duration) -> Option<u32> {
        let level = self.state().level?;
        // A float beyond the range of an integer becomes its end.
        Some(level.estimate(now) as u32)
    }

    /// How much longer Heroku is to be left alone.
    pub(super) fn pause(&self, now: Duration) -> Option<Duration> {
        let left = self.state().paused_until.checked_sub(now)?;
        (!left.is_zero()).then_some(left)
    }

    pub(super) fn pause_until(&self, until: Duration) {
        let mut state = self.state();
        state.paused_until = state.paused_until.max(until);
    }

    pub(super) fn begin(&self) -> UnderWay<'_> {
        self.state().under_way += 1;
        UnderWay(self)
    }

    /// Takes note of `RateLimit-Remaining`.
    pub(super) fn observe(&self, remaining: u32, now: Duration) {
        let mut state = self.state();
        state.level = Some(match state.level {
            None => Level::first(remaining, now),
            Some(level) => level.lowered(remaining, now),
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
    }
}
