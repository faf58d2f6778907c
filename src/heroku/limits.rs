//! Heroku's rate limit, as pure functions of its headers.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use time::OffsetDateTime;

/// Heroku documents no `Retry-After`; its pool refills by 75 calls a minute.
const DEFAULT_PAUSE: Duration = Duration::from_secs(60);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The time in which an empty pool is full again: 4,500 calls, 75 a minute.
const POOL_REFILL: Duration = Duration::from_secs(60 * 60);
/// Whatever a header says, we ask again after this.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// What a call is for. Whoever waits comes first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Urgency {
    /// Somebody waits for the answer. Slowed down by nothing but a pause.
    Now,
    /// A list that sessions hang on.
    InUse,
    /// A list that nobody looks at.
    Idle,
}

impl Urgency {
    /// The share of a pool that calls of this urgency leave to what is more urgent.
    fn reserve(self) -> f64 {
        match self {
            Self::Now => 0.0,
            Self::InUse => 0.02,
            Self::Idle => 0.5,
        }
    }
}

/// The calls that one refresh of a list makes at most, unless its people come in pages.
const CALLS_A_LIST: f64 = 4.0;

/// How long until a pool of `size`, of which `left` calls are left, has enough for a list of this
/// urgency. A pool refills once an hour, as far as is known.
pub(super) fn wait_for(left: f64, size: u32, urgency: Urgency) -> Duration {
    let size = f64::from(size.max(1));
    let missing = size * urgency.reserve() + CALLS_A_LIST - left;
    if urgency == Urgency::Now || missing <= 0.0 {
        return Duration::ZERO;
    }
    Duration::from_secs_f64(missing / (size / POOL_REFILL.as_secs_f64())).min(LONGEST_PAUSE)
}

/// What is known of a pool: the lowest `RateLimit-Remaining`, and what has been refilled since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    remaining: f64,
    seen_at: Duration,
    /// The most that was ever left.
    pub(super) size: u32,
}

impl Level {
    pub(super) fn first(remaining: u32, now: Duration) -> Self {
        Self {
            remaining: f64::from(remaining),
            seen_at: now,
            size: remaining,
        }
    }

    pub(super) fn estimate(&self, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.seen_at).as_secs_f64();
        let size = f64::from(self.size);
        let refilled = size * passed / POOL_REFILL.as_secs_f64();
        (self.remaining + refilled).min(size)
    }

    /// The level after another answer. It never rises by one: an answer about a fuller pool may be
    /// about another pool.
    pub(super) fn lowered(&self, remaining: u32, now: Duration) -> Self {
        let size = self.size.max(remaining);
        let estimate = Self { size, ..*self }.estimate(now);
        Self {
            remaining: estimate.min(f64::from(remaining)),
            seen_at: now,
            size,
        }
    }
}

/// How far Heroku's clock is ahead of ours (behind, if negative), by the `Date` of an answer.
pub(super) fn clock_drift(headers: &HeaderMap, now: OffsetDateTime) -> Option<time::Duration> {
    let date = http_date(headers.get(DATE)?.to_str().ok()?)?;
    // The header has whole seconds.
    Some(date - now.replace_nanosecond(0).unwrap_or(now))
}

/// `RateLimit-Remaining`.
pub(super) fn remaining(headers: &HeaderMap) -> Option<u32> {
    headers
        .get("ratelimit-remaining")?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// How long to leave Heroku alone after a 429: seconds or a date, between 1 second and 15 minutes.
pub(super) fn pause_after(headers: &HeaderMap, now: OffsetDateTime) -> Duration {
    let Some(value) = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()) else {
        return DEFAULT_PAUSE;
    };
    let value = value.trim();
    let wanted = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // Digits that overflow are a very long time, which the bound below cuts.
        Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)))
    } else {
        // A date is read against the answer's own clock, where it has one.
        let sent_at = headers.get(DATE).and_then(|v| http_date(v.to_str().ok()?));
        http_date(value).map(|at| {
            let wait = at - sent_at.unwrap_or(now);
            wait.try_into().unwrap_or(Duration::ZERO)
        })
    };
    wanted
        .unwrap_or(DEFAULT_PAUSE)
        .clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
    httpdate::parse_http_date(text).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use time::macros::datetime;

    use super::*;

    fn pause(retry_after: &'static str) -> u64 {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(retry_after));
        pause_after(&headers, datetime!(2026-01-01 00:00:00 UTC)).as_secs()
    }

    #[test]
    fn idle_lists_leave_half_of_the_pool_and_lists_in_use_a_fiftieth() {
        let wait = |left: f64, urgency| wait_for(left, 4500, urgency).as_secs();
        assert_eq!(wait(4500.0, Urgency::Idle), 0);
        assert_eq!(wait(2254.0, Urgency::Idle), 0);
        assert_eq!(wait(2129.0, Urgency::Idle), 100);
        assert_eq!(wait(2129.0, Urgency::InUse), 0);
        assert_eq!(wait(0.0, Urgency::InUse), 75);
        assert_eq!(wait(0.0, Urgency::Now), 0);
        assert_eq!(wait(-100.0, Urgency::Now), 0);
    }

    #[test]
    fn the_lowest_answer_counts_and_time_fills_the_pool() {
        let second = Duration::from_secs(1);
        let level = Level::first(4500, second).lowered(1000, second);
        let level = level.lowered(4400, second * 2);
        assert_eq!(level.estimate(second * 2), 1001.25);
        assert_eq!(level.estimate(second * 101), 1125.0);
        assert_eq!(level.estimate(second * 100_000), 4500.0);
        assert_eq!(Level::first(0, second).estimate(second * 100), 0.0);
        assert!(wait_for(0.0, 0, Urgency::Idle) <= LONGEST_PAUSE);
    }

    #[test]
    fn seconds_and_dates_are_obeyed_within_bounds() {
        assert_eq!(pause("7"), 7);
        assert_eq!(pause("0"), 1);
        assert_eq!(pause("315360000"), 900);
        assert_eq!(pause("99999999999999999999999"), 900);
        assert_eq!(pause("Thu, 01 Jan 2026 00:02:00 GMT"), 120);
        assert_eq!(pause("Wed, 31 Dec 2025 00:00:00 GMT"), 1);
        assert_eq!(pause("Tue, 01 Jan 2036 00:00:00 GMT"), 900);
        assert_eq!(pause("soon"), 60);
        assert_eq!(pause(""), 60);
        assert_eq!(pause(" "), 60);
        assert_eq!(
            pause_after(&HeaderMap::new(), datetime!(2026-01-01 0:00 UTC)).as_secs(),
            60
        );
    }
}
