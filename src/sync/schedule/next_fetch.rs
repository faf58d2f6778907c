//! When a list is fetched next: a pure rule.

use std::time::Duration;

use crate::heroku::Urgency;
use crate::sync::state::absence_mark::Question;
use crate::sync::state::attempts::{Attempts, LONGEST_RETRY};

/// A list is due between this time and half of it before its access token expires. That fetch renews the
/// token, so that sign-ins find a token that works.
pub(in crate::sync) const TOKEN_RENEWED_AHEAD: Duration = Duration::from_secs(30 * 60);

/// Which resources are kept synchronized.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum SyncScope {
    /// Every registered resource; those not in use every `idle_interval`. The default.
    #[default]
    All,
    /// Only resources in use ([`in_use_for`](crate::HerokuSsoBuilder::in_use_for)). Lists of the others are
    /// fetched at a sign-in.
    Active,
}

/// The intervals of a sync.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct Intervals {
    pub(in crate::sync) refresh: Duration,
    pub(in crate::sync) idle: Duration,
    pub(in crate::sync) scope: SyncScope,
    /// The longest pause for a resource whose tokens Heroku refuses.
    pub(in crate::sync) longest_block: Duration,
}

/// The state of one list.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct ListState {
    /// The resource had a request within `in_use_for`, or has a response that is still open.
    pub(in crate::sync) in_use: bool,
    /// The resource had a request within the last refresh interval.
    pub(in crate::sync) requested: bool,
    /// Age of the resource's own part, or of the team's members; none if there never was an answer.
    pub(in crate::sync) age: Option<Duration>,
    pub(in crate::sync) attempts: Attempts,
    /// A webhook said that something changed. The budget allows a fetch after this time.
    pub(in crate::sync) forced_in: Option<Duration>,
    /// When the access token expires, if that is known and it can be renewed.
    pub(in crate::sync) token_ends_in: Option<Duration>,
    /// When to retry subscribing to webhooks, because the last try failed with a temporary error.
    pub(in crate::sync) subscribe_in: Option<Duration>,
    /// The list cannot be fetched until the partner fixes the resource's tokens.
    pub(in crate::sync) blocked: bool,
    /// Calls are scarce: no list is fetched much earlier than necessary.
    pub(in crate::sync) is_scarce: bool,
    pub(in crate::sync) question: Question,
}

impl ListState {
    /// How urgent the fetch is when calls are scarce. Lists with requests go first, together with those that
    /// have changed according to Heroku; then come the others in use.
    pub(in crate::sync) fn urgency(&self) -> Urgency {
        match (self.requested, self.in_use) {
            _ if self.forced_in == Some(Duration::ZERO) => Urgency::InUse,
            (true, _) => Urgency::InUse,
            (false, true) => Urgency::Quiet,
            (false, false) => Urgency::Idle,
        }
    }
}

/// How long after `now` the list must be fetched again; zero if it is due, none if never.
///
/// Jitter only moves a fetch earlier: by 10 to 30 % of the interval, or by 5 to 10 % if calls are scarce. So
/// a list in use is fresh again before the sessions that depend on it end. Lists that were fetched together
/// drift apart.
pub(in crate::sync) fn due_in(
    state: ListState,
    intervals: Intervals,
    now: Duration,
) -> Option<Duration> {
    let attempts = state.attempts;
    let jitter = attempts.jitter.clamp(0.0, 1.0);
    let since_failure = now.saturating_sub(attempts.failed_at);
    let interval = match (state.in_use, intervals.scope) {
        (true, _) => Some(intervals.refresh),
        (false, SyncScope::All) => Some(intervals.idle),
        (false, SyncScope::Active) => None,
    };
    if let Question::OfDormant(asked_in) = state.question {
        // In use or not, and whatever the scope of the sync.
        let wanted = state.forced_in.map_or(asked_in, |wait| wait.min(asked_in));
        let pause = match state.blocked {
            true => {
                let backoff = refusal_backoff(attempts.failures, intervals.longest_block);
                backoff.saturating_sub(since_failure)
            }
            false => attempts.back_off_left(now),
        };
        return Some(match attempts.are_failing() {
            true => wanted.max(pause),
            false => wanted,
        });
    }
    if state.blocked {
        let backoff = refusal_backoff(attempts.failures, intervals.longest_block);
        return interval.map(|_| backoff.saturating_sub(since_failure));
    }
    let share = match state.is_scarce {
        false => 0.9 - 0.2 * jitter,
        true => 0.95 - 0.05 * jitter,
    };
    let by_age = interval.map(|interval| match state.age {
        None => Duration::ZERO,
        Some(age) => interval.mul_f64(share).saturating_sub(age),
    });
    let by_token = state.token_ends_in.filter(|_| interval.is_some());
    let by_token = by_token.map(|ends_in| {
        let ahead = TOKEN_RENEWED_AHEAD.mul_f64(1.0 - 0.5 * jitter);
        // A renewal that failed is not retried before the list is a minute old.
        let pause = LONGEST_RETRY.saturating_sub(state.age.unwrap_or(LONGEST_RETRY));
        ends_in.saturating_sub(ahead).max(pause)
    });
    let by_webhooks = state.subscribe_in.filter(|_| interval.is_some());
    let by_absence = match state.question {
        Question::OfAbsent(asked_in) => interval.map(|_| asked_in),
        Question::OnSchedule | Question::OfDormant(_) => None,
    };
    let wanted = [by_age, state.forced_in, by_token, by_webhooks, by_absence];
    let until_due = wanted.into_iter().flatten().min()?;
    let back_off = match (by_absence, state.in_use) {
        // No request waits for this answer, and more frequent answers prove no more.
        (Some(asked_in), false) if attempts.are_failing() => asked_in,
        _ => attempts.back_off_left(now),
    };
    Some(until_due.max(back_off))
}

/// The pause for a resource whose tokens Heroku refuses, after this many refusals: a minute, doubled each
/// time, up to `longest`.
pub(in crate::sync) fn refusal_backoff(refusals: u32, longest: Duration) -> Duration {
    let doubled = LONGEST_RETRY * 2_u32.saturating_pow(refusals.saturating_sub(1).min(16));
    doubled.min(longest)
}

#[cfg(test)]
mod tests;
