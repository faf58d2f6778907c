//! The scheduling rule, over all list states.

use proptest::prelude::*;

use super::*;
use crate::sync::state::attempts::FIRST_RETRY;

const SETTLED: ListState = ListState {
    in_use: true,
    requested: true,
    age: Some(Duration::ZERO),
    attempts: Attempts {
        failures: 0,
        failed_at: Duration::ZERO,
        error: None,
        jitter: 0.5,
    },
    forced_in: None,
    token_ends_in: None,
    subscribe_in: None,
    blocked: false,
    is_scarce: false,
    question: Question::OnSchedule,
};

fn intervals(refresh: u64, idle: u64, scope: SyncScope) -> Intervals {
    Intervals {
        refresh: Duration::from_secs(refresh),
        idle: Duration::from_secs(idle),
        scope,
        longest_block: Duration::from_secs(idle),
    }
}

fn attempts() -> impl Strategy<Value = Attempts> {
    let parts = (0..40_u32, 0..100_000_u64, 0.0..=1.0_f64);
    parts.prop_map(|(failures, failed_at, jitter)| Attempts {
        failures,
        failed_at: Duration::from_secs(failed_at),
        error: None,
        jitter,
    })
}

fn any_state() -> impl Strategy<Value = ListState> {
    let span = || proptest::option::of((0..200_000_u64).prop_map(Duration::from_secs));
    let parts = (
        any::<[bool; 2]>(),
        span(),
        attempts(),
        span(),
        span(),
        span(),
        any::<bool>(),
        any::<bool>(),
    );
    parts.prop_map(
        |(used, age, attempts, forced_in, token_ends_in, subscribe_in, blocked, is_scarce)| {
            ListState {
                in_use: used[0],
                requested: used[0] && used[1],
                age,
                attempts,
                forced_in,
                token_ends_in,
                subscribe_in,
                blocked,
                is_scarce,
                question: Question::OnSchedule,
            }
        },
    )
}

proptest! {
    #[test]
    fn a_list_in_use_is_due_before_its_sessions_end(
        refresh in 1..3600_u64, idle in 1..86_400_u64, jitter in 0.0..=1.0_f64,
    ) {
        let attempts = Attempts { jitter, ..SETTLED.attempts };
        let state = ListState { attempts, ..SETTLED };
        let intervals = intervals(refresh, idle, SyncScope::Active);
        let due = due_in(state, intervals, Duration::ZERO).unwrap();
        prop_assert!(due < intervals.refresh.mul_f64(0.91));
        prop_assert!(due > intervals.refresh.mul_f64(0.69));
    }

    #[test]
    fn wait_is_at_most_the_interval_or_the_longest_retry(
        state in any_state(), now in 100_000..300_000_u64,
    ) {
        let intervals = intervals(300, 21_600, SyncScope::All);
        let due = due_in(state, intervals, Duration::from_secs(now)).unwrap();
        let interval = match (state.in_use, state.blocked) {
            (true, false) => intervals.refresh,
            _ => intervals.idle,
        };
        prop_assert!(due <= interval.max(LONGEST_RETRY));
    }

    #[test]
    fn a_failure_delays_the_next_try(
        failures in 1..u32::MAX, jitter in 0.0..=1.0_f64, now in 0..100_000_u64,
    ) {
        let now = Duration::from_secs(now);
        let attempts = Attempts { failures, failed_at: now, error: None, jitter };
        let state = ListState { age: None, attempts, ..SETTLED };
        let due = due_in(state, intervals(60, 60, SyncScope::All), now).unwrap();
        prop_assert!(due >= FIRST_RETRY / 2 && due <= LONGEST_RETRY);
    }

    #[test]
    fn each_failure_in_a_row_doubles_the_wait_up_to_a_minute(
        failures in 1..100_u32, jitter in 0.0..=1.0_f64,
    ) {
        let wait = |failures, jitter| {
            let attempts = Attempts { failures, failed_at: Duration::ZERO, error: None, jitter };
            let state = ListState { age: None, attempts, ..SETTLED };
            due_in(state, intervals(300, 300, SyncScope::All), Duration::ZERO).unwrap()
        };
        let (now, next) = (wait(failures, jitter), wait(failures + 1, jitter));
        let longest = LONGEST_RETRY.mul_f64(1.0 - 0.5 * jitter);
        let about = |a: Duration, b: Duration| a.abs_diff(b) < Duration::from_micros(1);
        prop_assert!(about(next, (now * 2).min(longest)));
        prop_assert!(about(wait(1, 0.0), FIRST_RETRY));
        // Lists that failed together drift apart, over half of the wait.
        prop_assert!(about(wait(failures, 1.0) * 2, wait(failures, 0.0)));
    }

    #[test]
    fn passing_time_never_lengthens_the_wait(
        state in any_state(), passed in 0..50_000_u64,
    ) {
        let intervals = intervals(300, 21_600, SyncScope::All);
        let start = Duration::from_secs(100_000);
        let passed = Duration::from_secs(passed);
        let later = ListState {
            age: state.age.map(|age| age + passed),
            forced_in: state.forced_in.map(|wait| wait.saturating_sub(passed)),
            token_ends_in: state.token_ends_in.map(|wait| wait.saturating_sub(passed)),
            subscribe_in: state.subscribe_in.map(|wait| wait.saturating_sub(passed)),
            ..state
        };
        let before = due_in(state, intervals, start).unwrap();
        let after = due_in(later, intervals, start + passed).unwrap();
        prop_assert!(after <= before);
    }
}

#[test]
fn lists_with_requests_go_first_and_idle_ones_last() {
    let urgency = |requested, in_use, forced_in| {
        let state = ListState {
            in_use,
            requested,
            forced_in,
            ..SETTLED
        };
        state.urgency()
    };
    assert_eq!(urgency(true, true, None), Urgency::InUse);
    assert_eq!(urgency(false, true, None), Urgency::Quiet);
    assert_eq!(urgency(false, false, None), Urgency::Idle);
    for in_use in [true, false] {
        let forced = urgency(false, in_use, Some(Duration::ZERO));
        assert_eq!(forced, Urgency::InUse);
        let later = urgency(false, in_use, Some(Duration::from_secs(1)));
        assert_ne!(later, Urgency::InUse);
    }
}

#[test]
fn dormant_resource_is_polled_on_its_own_schedule() {
    let hour = Duration::from_secs(3600);
    for scope in [SyncScope::All, SyncScope::Active] {
        for (in_use, age) in [(true, None), (false, Some(Duration::ZERO))] {
            let state = ListState {
                in_use,
                age,
                question: Question::OfDormant(hour),
                ..SETTLED
            };
            let due = due_in(state, intervals(300, 21_600, scope), hour);
            assert_eq!(due, Some(hour));
        }
    }
}

#[test]
fn pending_removal_is_retried_before_its_list_is_due() {
    let minute = Duration::from_secs(60);
    let mut attempts = SETTLED.attempts;
    attempts.note_failure(Duration::ZERO, &crate::sync::SyncError::Interrupted);
    for in_use in [true, false] {
        let state = ListState {
            in_use,
            attempts,
            question: Question::OfAbsent(minute),
            ..SETTLED
        };
        let intervals = intervals(3600, 21_600, SyncScope::All);
        assert_eq!(due_in(state, intervals, Duration::ZERO), Some(minute));
    }
}

#[test]
fn inactive_resource_is_never_scheduled() {
    let state = ListState {
        in_use: false,
        age: Some(Duration::from_secs(1_000_000)),
        ..SETTLED
    };
    let intervals = intervals(300, 21_600, SyncScope::Active);
    assert_eq!(due_in(state, intervals, Duration::ZERO), None);
}

#[test]
fn token_is_renewed_ahead_without_a_loop_after_a_failure() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let due = |ends_in, age| {
        let state = ListState {
            in_use: false,
            age: Some(age),
            token_ends_in: Some(ends_in),
            ..SETTLED
        };
        due_in(
            state,
            intervals(300, 86_400, SyncScope::All),
            Duration::ZERO,
        )
        .unwrap()
    };
    assert_eq!(
        due(minutes(480), Duration::ZERO),
        minutes(480) - minutes(45) / 2
    );
    assert_eq!(due(minutes(10), minutes(5)), Duration::ZERO);
    assert_eq!(due(minutes(10), Duration::ZERO), minutes(1));
}

#[test]
fn idle_list_with_a_reported_change_waits_for_the_budget_only() {
    let forced_in = Some(Duration::from_secs(7));
    let state = ListState {
        in_use: false,
        forced_in,
        ..SETTLED
    };
    for scope in [SyncScope::All, SyncScope::Active] {
        let due = due_in(state, intervals(300, 21_600, scope), Duration::ZERO);
        assert_eq!(due, forced_in);
    }
}
