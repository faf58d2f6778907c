//! How long a session lasts: one pure rule for requests and streams, wherever the session is stored.
//!
//! A session has no expiry of its own that would have to be extended. It lasts as long as its resource's list
//! does, with or without requests. Only a newer list that still has its person extends it.

use std::time::Duration;

use time::OffsetDateTime;

use crate::clock::UnixTime;

/// A list decides up to and including its age limit. So a decision that holds until then is evaluated again
/// this much later.
const A_MOMENT: Duration = Duration::from_millis(1);

/// The settings that the rule depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Up to this age a list decides without a newer one.
    pub(crate) refresh_interval: Duration,
    /// Up to this age a list decides if no newer one is available.
    pub(crate) max_list_age: Duration,
    /// Counted from the sign-in.
    pub(crate) max_session: Duration,
}

/// The last attempt to fetch a list newer than the cached one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Attempt {
    /// There was no attempt, because the resource was not in use.
    Unwanted,
    /// No attempt is known here. Another process, or an earlier one, may have made some.
    Unknown,
    /// The resource is in use, and an attempt is due.
    Due,
    /// The attempt failed, and a request does not wait for the next one.
    Failing,
    /// The attempt succeeded a moment ago: the cached list is its answer.
    Answered,
    /// The attempt was made for this very decision, and failed.
    Unanswered,
}

/// What happens to a session now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lifespan {
    /// The newest list decides. The rule must be evaluated again after `left`.
    ByList {
        left: Duration,
    },
    /// A fetch is needed, and its outcome decides.
    Fetch,
    /// A fetch is needed to tell why the list is too old. If Heroku answers, the list counts as old because
    /// nothing used the resource: the session is over as [`End::Unused`]. If not, the session is kept, and
    /// cannot be decided now.
    Probe,
    /// The session cannot be decided now, and is kept.
    Unavailable,
    Over(End),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// `max_session` has passed since its sign-in.
    LongestLife,
    /// Nothing used the resource until its list was too old.
    Unused,
}

impl Limits {
    /// How much longer a session lasts at most. None if it is over.
    pub(crate) fn longest_left(&self, began: UnixTime, now: UnixTime) -> Option<Duration> {
        let end = began.saturating_add(self.max_session);
        end.since(now).filter(|left| !left.is_zero())
    }

    /// When a session that began at `began` ends at the latest, whatever its list says.
    pub(crate) fn latest_end(&self, began: OffsetDateTime) -> OffsetDateTime {
        began.saturating_add(self.max_session.try_into().unwrap_or(time::Duration::MAX))
    }

    /// When a session ends if no list comes that is newer than the one requested at `asked_at`. If `now` is
    /// past the refresh interval, no newer list was available, and this one counts up to `max_list_age`.
    pub(crate) fn expected_end(
        &self,
        began: OffsetDateTime,
        asked_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> OffsetDateTime {
        let refreshed = asked_at + self.refresh_interval;
        let by_list = if now <= refreshed {
            refreshed
        } else {
            asked_at + self.max_list_age
        };
        by_list.min(self.latest_end(began))
    }
}

/// The rule. `list_age` is the age of the newest list; none if there is no list.
pub(crate) fn lifespan(
    began: UnixTime,
    list_age: Option<Duration>,
    attempt: Attempt,
    limits: &Limits,
    now: UnixTime,
) -> Lifespan {
    use Attempt::{Answered, Due, Failing, Unanswered, Unknown, Unwanted};

    let Some(life_left) = limits.longest_left(began, now) else {
        return Lifespan::Over(End::LongestLife);
    };
    let by_list = |left: Duration| Lifespan::ByList {
        left: (left + A_MOMENT).min(life_left),
    };
    let Some(age) = list_age else {
        return match attempt {
            Unwanted | Unknown | Due | Failing => Lifespan::Fetch,
            Answered | Unanswered => Lifespan::Unavailable,
        };
    };
    if let Some(left) = limits.refresh_interval.checked_sub(age) {
        return by_list(left);
    }
    if let Some(left) = limits.max_list_age.checked_sub(age) {
        return match attempt {
            Unwanted | Unknown | Due => Lifespan::Fetch,
            Failing | Answered | Unanswered => by_list(left),
        };
    }
    match attempt {
        Unwanted => Lifespan::Over(End::Unused),
        Unknown => Lifespan::Probe,
        Due | Failing => Lifespan::Fetch,
        Answered | Unanswered => Lifespan::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::Attempt::{Answered, Due, Failing, Unanswered, Unknown, Unwanted};
    use super::Lifespan::{ByList, Fetch, Over, Probe, Unavailable};
    use super::*;

    const LIMITS: Limits = Limits {
        refresh_interval: Duration::from_secs(300),
        max_list_age: Duration::from_secs(600),
        max_session: Duration::from_secs(5_400),
    };
    const BEGAN: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const ATTEMPTS: [Attempt; 6] = [Unwanted, Unknown, Due, Failing, Answered, Unanswered];

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// For a session that began some time ago.
    fn by(list_age: Option<u64>, attempt: Attempt) -> Lifespan {
        let now = BEGAN + millis(2_000_000);
        lifespan(
            BEGAN.into(),
            list_age.map(millis),
            attempt,
            &LIMITS,
            now.into(),
        )
    }

    #[test]
    fn list_age_and_last_attempt_decide() {
        let list = |left: u64| ByList {
            left: millis(left + 1),
        };
        let unused = Over(End::Unused);
        let rows = [
            (None, [Fetch, Fetch, Fetch, Fetch, Unavailable, Unavailable]),
            (Some(0), [list(300_000); 6]),
            (Some(299_999), [list(1); 6]),
            (Some(300_000), [list(0); 6]),
            (
                Some(300_001),
                [
                    Fetch,
                    Fetch,
                    Fetch,
                    list(299_999),
                    list(299_999),
                    list(299_999),
                ],
            ),
            (
                Some(600_000),
                [Fetch, Fetch, Fetch, list(0), list(0), list(0)],
            ),
            (
                Some(600_001),
                [unused, Probe, Fetch, Fetch, Unavailable, Unavailable],
            ),
            (
                Some(90_000_000),
                [unused, Probe, Fetch, Fetch, Unavailable, Unavailable],
            ),
        ];
        for (age, expected) in rows {
            for (attempt, expected) in ATTEMPTS.into_iter().zip(expected) {
                assert_eq!(by(age, attempt), expected, "{age:?}, {attempt:?}");
            }
        }
    }

    #[test]
    fn sign_in_at_the_end_of_time_has_an_end() {
        let last = time::macros::datetime!(9999-12-31 23:59:59 UTC);
        assert!(LIMITS.latest_end(last) >= last);
    }

    #[test]
    fn max_session_ends_a_session_regardless_of_its_list() {
        for attempt in ATTEMPTS {
            for age in [None, Some(0), Some(450_000), Some(700_000)] {
                let at = |now: Duration| {
                    lifespan(
                        BEGAN.into(),
                        age.map(millis),
                        attempt,
                        &LIMITS,
                        (BEGAN + now).into(),
                    )
                };
                let over = Over(End::LongestLife);
                assert_ne!(at(millis(5_399_999)), over, "{attempt:?}, {age:?}");
                assert_eq!(at(millis(5_400_000)), over, "{attempt:?}, {age:?}");
                assert_eq!(at(millis(9_000_000)), over, "{attempt:?}, {age:?}");
            }
        }
    }

    #[test]
    fn remaining_time_is_the_shorter_of_list_and_session() {
        let at = |now, age, attempt| {
            lifespan(
                BEGAN.into(),
                Some(millis(age)),
                attempt,
                &LIMITS,
                (BEGAN + millis(now)).into(),
            )
        };
        let left = |left| ByList { left: millis(left) };
        assert_eq!(at(5_300_000, 0, Due), left(100_000));
        assert_eq!(at(5_000_000, 0, Due), left(300_001));
        assert_eq!(at(5_300_000, 400_000, Unanswered), left(100_000));
        assert_eq!(at(5_300_000, 550_000, Unanswered), left(50_001));
    }

    #[test]
    fn expected_end_follows_the_list_up_to_max_session() {
        let at = |seconds: u64| BEGAN + Duration::from_secs(seconds);
        let end = |asked_at, now| LIMITS.expected_end(BEGAN, at(asked_at), at(now));
        assert_eq!(end(100, 150), at(400));
        assert_eq!(end(100, 400), at(400));
        // That list continues to decide, because no newer one was available.
        assert_eq!(end(100, 401), at(700));
        assert_eq!(end(5_200, 5_300), at(5_400));
        assert_eq!(end(4_900, 5_300), at(5_400));
        assert_eq!(LIMITS.latest_end(at(100)), at(5_500));
    }
}
