//! When a list is fetched next: a pure rule.

use std::time::Duration;

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// Which resources are kept synchronized.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum SyncScope {
    /// Every registered resource; those that nobody looks at every `idle_interval`. The default.
    #[default]
    All,
    /// Only resources with a gated request within the last `refresh_interval`. Lists of the others
    /// are fetched when somebody signs in.
    Active,
}

/// The intervals of a sync.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intervals {
    pub(super) refresh: Duration,
    pub(super) idle: Duration,
    pub(super) scope: SyncScope,
}

/// How things stand with one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Somebody used the resource within the last refresh interval.
    pub(super) in_use: bool,
    /// Age of the list; none if there never was one.
    pub(super) age: Option<Duration>,
    /// Failed fetches since the last good one, and time since the last of them.
    pub(super) failures: u32,
    pub(super) since_failure: Duration,
    /// Between 0 and 1, drawn anew at each fetch.
    pub(super) jitter: f64,
}

/// How long until the list is to be fetched again; zero if it is due, none if never.
///
/// Jitter only moves a fetch earlier, by 10 to 30 % of the interval: a list in use is fresh again
/// before the sessions that hang on it end.
pub(super) fn due_in(standing: Standing, intervals: Intervals) -> Option<Duration> {
    let jitter = standing.jitter.clamp(0.0, 1.0);
    let interval = match (standing.in_use, intervals.scope) {
        (true, _) => intervals.refresh,
        (false, SyncScope::All) => intervals.idle,
        (false, SyncScope::Active) => return None,
    };
    let until_due = match standing.age {
        None => Duration::ZERO,
        Some(age) => interval.mul_f64(0.9 - 0.2 * jitter).saturating_sub(age),
    };
    if standing.failures == 0 {
        return Some(until_due);
    }
    let doubled = FIRST_RETRY * 2_u32.saturating_pow((standing.failures - 1).min(16));
    let back_off = doubled.min(LONGEST_RETRY).mul_f64(1.0 - 0.5 * jitter);
    Some(until_due.max(back_off.saturating_sub(standing.since_failure)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
        range.prop_map(Duration::from_secs)
    }

    proptest! {
        #[test]
        fn a_list_in_use_is_due_before_its_sessions_end(
            refresh in seconds(1..3600), idle in seconds(1..86_400), jitter in 0.0..=1.0_f64,
        ) {
            let standing = Standing {
                in_use: true, age: Some(Duration::ZERO), failures: 0,
                since_failure: Duration::ZERO, jitter,
            };
            let intervals = Intervals { refresh, idle, scope: SyncScope::Active };
            let due = due_in(standing, intervals).unwrap();
            prop_assert!(due < refresh.mul_f64(0.91) && due > refresh.mul_f64(0.69));
        }

        #[test]
        fn a_failure_delays_the_next_try_by_at_most_a_minute(
            failures in 1..u32::MAX, jitter in 0.0..=1.0_f64,
        ) {
            let standing = Standing {
                in_use: true, age: None, failures, since_failure: Duration::ZERO, jitter,
            };
            let intervals = Intervals {
                refresh: LONGEST_RETRY, idle: LONGEST_RETRY, scope: SyncScope::All,
            };
            let due = due_in(standing, intervals).unwrap();
            prop_assert!(due >= FIRST_RETRY / 2 && due <= LONGEST_RETRY);
        }
    }

    #[test]
    fn nobody_looks_at_it_and_only_active_ones_are_synchronized_so_never() {
        let standing = Standing {
            in_use: false,
            age: Some(Duration::from_secs(1_000_000)),
            failures: 0,
            since_failure: Duration::ZERO,
            jitter: 0.5,
        };
        let intervals = Intervals {
            refresh: Duration::from_secs(300),
            idle: Duration::from_secs(21_600),
            scope: SyncScope::Active,
        };
        assert_eq!(due_in(standing, intervals), None);
    }
}
