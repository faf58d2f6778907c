//! The remaining calls of Heroku's rate limit, according to its answers.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::limits::{self, Level, Urgency};

/// One pool of calls: for one token, or for all of them.
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

impl State {
    fn left(&self, level: Level, now: Duration) -> f64 {
        level.estimate(now) - f64::from(self.under_way)
    }
}

/// A call that has no answer yet.
#[derive(Debug)]
pub(super) struct UnderWay<'a>(&'a RatePool);

impl RatePool {
    /// How long calls of this urgency should wait: until a pause has ended, and until enough calls remain
    /// for more urgent ones.
    pub(crate) fn wait(&self, urgency: Urgency, now: Duration) -> Duration {
        let pause = self.state().paused_until.saturating_sub(now);
        pause.max(self.shortage(urgency, now))
    }

    /// How long until enough calls remain for those that are more urgent than this.
    pub(crate) fn shortage(&self, urgency: Urgency, now: Duration) -> Duration {
        let state = self.state();
        let Some(level) = state.level else {
            return Duration::ZERO;
        };
        limits::wait_for(state.left(level, now), level.size, urgency)
    }

    /// True if so few calls remain that none should be made much earlier than necessary.
    pub(crate) fn is_scarce(&self, now: Duration) -> bool {
        let state = self.state();
        let is_scarce = |level| limits::is_scarce(state.left(level, now), level.size);
        state.level.is_some_and(is_scarce)
    }

    /// The remaining calls, by the last answer and the refill since; none before an answer.
    pub(crate) fn left(&self, now: Duration) -> Option<u32> {
        let level = self.state().level?;
        // A float beyond an integer's range saturates.
        Some(level.estimate(now) as u32)
    }

    /// How long no requests may be sent to Heroku; none if there is no pause.
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

    /// Processes a `RateLimit-Remaining`.
    pub(super) fn observe(&self, remaining: u32, now: Duration) {
        let mut state = self.state();
        let size = state.level.map_or(0, |level| level.size);
        state.level = Some(Level::seen(remaining, size, now));
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
