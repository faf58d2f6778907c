//! Heroku's rate limit, as pure functions of its headers.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use time::OffsetDateTime;

/// The pause if no `Retry-After` is given, as Heroku documents none; its pool refills by 75 calls a minute.
const DEFAULT_PAUSE: Duration = Duration::from_secs(60);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The time in which an empty pool is full again: 4,500 calls, 75 a minute.
const POOL_REFILL: Duration = Duration::from_secs(60 * 60);
/// The maximum pause, whatever a header says.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// A number this large is not a wait in seconds (31 years) but a Unix time, which some of Heroku's limits
/// use.
const FIRST_UNIX_TIME: u64 = 1_000_000_000;

/// The purpose of a call. A more urgent call goes first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Urgency {
    /// A request waits for the answer. Only a pause delays it.
    Now,
    /// A list in use by requests, or one that changed according to Heroku.
    InUse,
    /// A list in use that no request needed within the last interval.
    Quiet,
    /// A young list that is fetched again because of an external request.
    Forced,
    /// A list that is not in use and is overdue.
    Late,
    /// A list that is not in use.
    Idle,
}

impl Urgency {
    /// The calls that this urgency leaves for more urgent ones, in a pool of this size.
    fn reserve(self, size: u32) -> f64 {
        let size = f64::from(size.min(POOL));
        match self {
            Self::Now => 0.0,
            Self::InUse => size * 0.02,
            Self::Quiet => size * 0.1,
            Self::Forced => size * 0.2,
            // In a small pool, at least as many as the lists of one batch may take.
            Self::Late => (size * 0.25).max(CONCURRENT_FETCHES).min(size * 0.5),
            Self::Idle => size * 0.5,
        }
    }
}

/// Below this share of a pool, calls are scarce.
const SCARCE: f64 = 0.75;
/// The size of Heroku's pool. A larger pool reserves no more than this one.
const POOL: u32 = 4_500;
/// A larger number in a header is not a number of calls.
const LARGEST_POOL: u32 = 1_000_000;
/// The maximum wait for a list in use, however few calls seem to remain. The answer then tells how many
/// remain.
const LONGEST_WAIT_IN_USE: Duration = Duration::from_secs(30);
/// The maximum number of calls for one refresh of a list, unless its members need several pages.
const CALLS_A_LIST: f64 = 4.0;
/// The calls of all lists that the sync may fetch concurrently.
const CONCURRENT_FETCHES: f64 = 16.0 * CALLS_A_LIST;

/// How long until a pool of `size` with `left` remaining calls has enough for a list of this
/// urgency. As far as is known, a pool refills completely within an hour.
pub(super) fn wait_for(left: f64, size: u32, urgency: Urgency) -> Duration {
    let missing = urgency.reserve(size) + CALLS_A_LIST - left;
    if urgency == Urgency::Now || missing <= 0.0 {
        return Duration::ZERO;
    }
    let refill = f64::from(size.max(1)) / POOL_REFILL.as_secs_f64();
    let longest = match urgency {
        Urgency::InUse => LONGEST_WAIT_IN_USE,
        _ => LONGEST_PAUSE,
    };
    Duration::from_secs_f64(missing / refill).min(longest)
}

/// True if `left` of a pool of `size` is so little that lists should not be fetched much before they must be.
pub(super) fn is_scarce(left: f64, size: u32) -> bool {
    left < f64::from(size.min(POOL)) * SCARCE
}

/// The state of a pool: the last `RateLimit-Remaining`, and the refill since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    remaining: f64,
    seen_at: Duration,
    /// The size of the pool: the largest number of remaining calls ever seen, or that of Heroku's pool if it
    /// was nearly empty when first seen.
    pub(super) size: u32,
}

impl Level {
    /// The level after an answer; `size` is that of the previous level, or zero. Heroku's number counts, even
    /// if it is greater than our estimate.
    pub(super) fn seen(remaining: u32, size: u32, now: Duration) -> Self {
        // If the pool is nearly empty when first seen, the number says nothing about its size.
        let size = match size {
            0 if f64::from(remaining) < CONCURRENT_FETCHES => POOL,
            _ => size.max(remaining),
        };
        Self {
            remaining: f64::from(remaining),
            seen_at: now,
            size,
        }
    }

    pub(super) fn estimate(&self, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.seen_at).as_secs_f64();
        let size = f64::from(self.size);
        let refilled = size * passed / POOL_REFILL.as_secs_f64();
        (self.remaining + refilled).min(size)
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
    let value = headers.get("ratelimit-remaining")?.to_str().ok()?;
    let remaining = value.parse().ok()?;
    (remaining <= LARGEST_POOL).then_some(remaining)
}

/// How long to send no requests to Heroku after a 429: seconds, a date or a Unix time, between 1 second and
/// `longest`.
pub(super) fn pause_after(headers: &HeaderMap, now: OffsetDateTime, longest: Duration) -> Duration {
    let Some(value) = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()) else {
        return DEFAULT_PAUSE.min(longest);
    };
    // A point in time is relative to the answer's own clock, if the answer has one.
    let sent_at = headers.get(DATE).and_then(|v| http_date(v.to_str().ok()?));
    let sent_at = sent_at.unwrap_or(now);
    let value = value.trim();
    let wanted = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // Digits that overflow mean a very long time, which the limit below cuts.
        let seconds = value.parse().unwrap_or(u64::MAX);
        let sent_at = u64::try_from(sent_at.unix_timestamp()).unwrap_or_default();
        Some(Duration::from_secs(match seconds {
            FIRST_UNIX_TIME.. => seconds.saturating_sub(sent_at),
            _ => seconds,
        }))
    } else {
        http_date(value).map(|at| (at - sent_at).try_into().unwrap_or(Duration::ZERO))
    };
    let wanted = wanted.unwrap_or(DEFAULT_PAUSE);
    wanted.max(SHORTEST_PAUSE).min(longest)
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
        let now = datetime!(2026-01-01 00:00:00 UTC);
        pause_after(&headers, now, LONGEST_PAUSE).as_secs()
    }

    #[test]
    fn each_urgency_leaves_a_reserve_to_what_is_more_urgent() {
        let wait = |left: f64, urgency| wait_for(left, 4500, urgency).as_secs();
        assert_eq!(wait(4500.0, Urgency::Idle), 0);
        assert_eq!(wait(2254.0, Urgency::Idle), 0);
        assert_eq!(wait(2129.0, Urgency::Idle), 100);
        assert_eq!(wait(2129.0, Urgency::InUse), 0);
        assert_eq!(wait(1129.0, Urgency::Late), 0);
        assert_eq!(wait(904.0, Urgency::Forced), 0);
        assert_eq!(wait(804.0, Urgency::Forced), 80);
        assert_eq!(wait(454.0, Urgency::Quiet), 0);
        assert_eq!(wait(329.0, Urgency::Quiet), 100);
        assert_eq!(wait(94.0, Urgency::InUse), 0);
        assert_eq!(wait(74.0, Urgency::InUse), 16);
        // Whatever the estimate of the remaining calls: it can be wrong.
        assert_eq!(wait(0.0, Urgency::InUse), 30);
        assert_eq!(wait(0.0, Urgency::Now), 0);
        assert_eq!(wait(-100.0, Urgency::Now), 0);
    }

    #[test]
    fn last_answer_sets_the_level_and_time_refills_it() {
        let second = Duration::from_secs(1);
        let level = Level::seen(1000, 4500, second);
        assert_eq!(level.estimate(second * 101), 1125.0);
        assert_eq!(level.estimate(second * 100_000), 4500.0);
        // More than estimated.
        let level = Level::seen(4400, level.size, second * 2);
        assert_eq!(level.estimate(second * 2), 4400.0);
        assert_eq!(Level::seen(5000, level.size, second).size, 5000);
        // If it is nearly empty when first seen, it is taken for Heroku's pool.
        let level = Level::seen(0, 0, second);
        assert_eq!(level.estimate(second * 61), 75.0);
        assert_eq!(Level::seen(100, 0, second).size, 100);
        assert!(wait_for(0.0, 0, Urgency::Idle) <= LONGEST_PAUSE);
    }

    #[test]
    fn calls_are_scarce_below_three_quarters_of_herokus_pool() {
        assert!(is_scarce(3374.0, 4500) && !is_scarce(3376.0, 4500));
        assert!(is_scarce(89.0, 120) && !is_scarce(3376.0, 1_000_000));
    }

    #[test]
    fn implausible_remaining_count_is_ignored() {
        let seen = |text| {
            let mut headers = HeaderMap::new();
            headers.insert("ratelimit-remaining", HeaderValue::from_static(text));
            remaining(&headers)
        };
        assert_eq!(seen("4500"), Some(4500));
        assert_eq!(seen("1000001"), None);
        assert_eq!(seen("-1"), None);
        assert_eq!(seen("many"), None);
    }

    #[test]
    fn retry_after_is_obeyed_within_bounds() {
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
        let now = datetime!(2026-01-01 0:00 UTC);
        let unsaid = |longest| pause_after(&HeaderMap::new(), now, longest).as_secs();
        assert_eq!(unsaid(LONGEST_PAUSE), 60);
        assert_eq!(unsaid(Duration::from_secs(20)), 20);
    }

    #[test]
    fn retry_after_as_unix_time_is_read_as_a_date() {
        // 2026-01-01 00:00:00 UTC is 1767225600.
        assert_eq!(pause("1767225645"), 45);
        assert_eq!(pause("1767225500"), 1);
        assert_eq!(pause("1767312000"), 900);
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1767225645"));
        let date = HeaderValue::from_static("Thu, 01 Jan 2026 00:00:30 GMT");
        headers.insert(DATE, date);
        let now = datetime!(2026-01-01 00:00:00 UTC);
        assert_eq!(pause_after(&headers, now, LONGEST_PAUSE).as_secs(), 15);
    }
}
