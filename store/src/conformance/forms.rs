//! Used forms and closed sessions.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::values::{now, replay_key};
use crate::clock;
use crate::session_key::SessionKey;
use crate::store::Store;

/// A consumed key is known before anyone consumes it again.
pub async fn consumed_key_is_known_before_it_is_consumed_again(store: impl Store) {
    let at = now();
    let [consumed, other] = [0, 1].map(|later| replay_key(at.unix_timestamp() + later));
    assert!(!store.is_consumed(&consumed).await.unwrap());
    let until = at + Duration::from_secs(360);
    assert!(store.consume(&consumed, until, at).await.unwrap());
    assert!(store.is_consumed(&consumed).await.unwrap());
    assert!(!store.is_consumed(&other).await.unwrap());
}

/// One of 50 concurrent consumers of a key succeeds.
pub async fn one_of_50_concurrent_consumers_of_a_key_succeeds(store: impl Store) {
    let store = Arc::new(store);
    let at = now();
    let mut consuming = JoinSet::new();
    for _ in 0..50 {
        let store = Arc::clone(&store);
        let key = replay_key(at.unix_timestamp());
        let until = at + Duration::from_secs(360);
        consuming.spawn(async move { store.consume(&key, until, at).await.unwrap() });
    }
    let consumed = consuming.join_all().await;
    assert_eq!(consumed.iter().filter(|first| **first).count(), 1);
    let other = replay_key(at.unix_timestamp() + 1);
    assert!(store.consume(&other, at, at).await.unwrap());
}

/// A consumed key stays consumed for an hour past its expiry.
pub async fn consumed_key_stays_consumed_an_hour_past_its_expiry(store: impl Store) {
    // In the past, as a database does not rely on one process's clock.
    let at = now() - time::Duration::hours(2);
    let key = replay_key(at.unix_timestamp());
    assert!(store.consume(&key, at, at).await.unwrap());
    // Another sign-in triggers the sweep.
    for (minutes, is_new) in [(59, false), (75, true)] {
        let later = at + time::Duration::minutes(minutes);
        let other = replay_key(later.unix_timestamp());
        assert!(store.consume(&other, later, later).await.unwrap());
        let consume = async || store.consume(&key, at, later).await.unwrap();
        if !is_new {
            assert!(!consume().await, "{minutes}");
            continue;
        }
        // The sweep runs in the background.
        let swept = async {
            while !consume().await {
                clock::pause(Duration::from_millis(5)).await;
            }
        };
        let swept = clock::within(Duration::from_secs(20), swept).await;
        assert!(swept.is_some(), "{minutes}");
    }
}

/// A closed session stays closed for an hour past its expiry.
pub async fn closed_session_stays_closed_an_hour_past_its_expiry(store: impl Store) {
    let [closed, closed_later, open] = ["a", "d", "b"].map(SessionKey::from_stored);
    let at = now();
    assert!(!store.is_session_closed(&closed).await.unwrap());
    // The latest expiry counts, whichever comes first.
    let earlier = at - time::Duration::hours(2);
    for (session, ends) in [(&closed, [at, earlier]), (&closed_later, [earlier, at])] {
        for until in ends {
            store.close_session(session, until, at).await.unwrap();
        }
    }
    // Closing another session nearly an hour later deletes old rows.
    let later = at + time::Duration::minutes(59);
    let other = SessionKey::from_stored("c");
    store.close_session(&other, later, later).await.unwrap();
    for session in [&closed, &closed_later] {
        assert!(store.is_session_closed(session).await.unwrap());
    }
    assert!(!store.is_session_closed(&open).await.unwrap());
}
