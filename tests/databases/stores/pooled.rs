//! Postgres behind PgBouncer in transaction mode. `conformance` runs against it as well.

use std::time::{Duration, Instant};

use heroku_sso_store::{Registration, SessionKey, SharedStore, Store, StoreEvent, Work};
use sqlx::{Connection, Executor, PgConnection};
use time::OffsetDateTime;
use tower_heroku_sso::ResourceId;
use tower_heroku_sso::store::PostgresStore;

use crate::place::{Place, Postgres, keys};
use crate::pooler::{Pooled, Pooler};
use crate::stores::conformance::replay_key;

fn resource(number: u128) -> ResourceId {
    uuid::Uuid::from_u128(number).into()
}

fn shared(store: &PostgresStore) -> &dyn SharedStore {
    store.shared().expect("a store that is shared")
}

#[tokio::test]
async fn c19_many_calls_share_few_pooler_connections() {
    let place = Pooled::new().await;
    let (a, b) = (place.open().await, place.open().await);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..60_u128 {
        let store = if number % 2 == 0 {
            a.clone()
        } else {
            b.clone()
        };
        calls.spawn(async move {
            let id = resource(number + 1);
            assert!(store.put(&id, Registration::active(None)).await.unwrap());
            assert!(store.get(&id).await.unwrap().is_some());
            let key = replay_key(i64::try_from(number).unwrap());
            let now = OffsetDateTime::now_utc();
            assert!(store.consume(&key, now, now).await.unwrap());
            assert!(store.is_consumed(&key).await.unwrap());
            assert!(store.end(&id).await.unwrap());
            store.next_sequence().await.unwrap()
        });
    }
    let mut sequences = calls.join_all().await;
    sequences.sort();
    sequences.dedup();
    assert_eq!(sequences.len(), 60);
}

#[tokio::test]
async fn c19_changes_arrive_within_2_seconds_through_a_pooler() {
    let place = Pooled::new().await;
    let (a, b) = (place.open().await, place.open().await);
    let mut events = shared(&b).events();
    let work = Work::List(resource(1));
    assert!(
        shared(&a)
            .lease(&work, Duration::from_secs(30))
            .await
            .unwrap()
    );
    assert!(
        !shared(&b)
            .lease(&work, Duration::from_secs(30))
            .await
            .unwrap()
    );
    for number in 0..3 {
        let session = SessionKey::from_stored(format!("session-{number}"));
        let now = OffsetDateTime::now_utc();
        a.close_session(&session, now, now).await.unwrap();
        let begun = Instant::now();
        let next = tokio::time::timeout(Duration::from_secs(10), events.next()).await;
        assert_eq!(next.expect("an event"), StoreEvent::Session(session));
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{:?}",
            begun.elapsed()
        );
    }
    // Polls overlap, but no event is repeated.
    let again = tokio::time::timeout(Duration::from_millis(2500), events.next()).await;
    assert!(again.is_err(), "{again:?}");
}

/// A transaction has 15 seconds, and its last statement 10.
#[tokio::test]
async fn change_committed_20_seconds_after_its_timestamp_is_reported() {
    let place = Pooled::new().await;
    let (a, b) = (place.open().await, place.open().await);
    let mut events = shared(&b).events();
    let mut next = async || {
        let next = tokio::time::timeout(Duration::from_secs(10), events.next()).await;
        next.expect("an event")
    };
    let early = SessionKey::from_stored("early");
    let now = OffsetDateTime::now_utc();
    a.close_session(&early, now, now).await.unwrap();
    assert_eq!(next().await, StoreEvent::Session(early));
    let mut other = PgConnection::connect(&place.postgres.url).await.unwrap();
    other
        .execute(
            "INSERT INTO tower_heroku_sso.closed_session (key, until, closed_by, closed_at)
             VALUES ('late', clock_timestamp() + interval '1 hour', gen_random_uuid(),
             clock_timestamp() - interval '20 seconds')",
        )
        .await
        .unwrap();
    let late = SessionKey::from_stored("late");
    assert_eq!(next().await, StoreEvent::Session(late));
}

#[tokio::test]
async fn c19_undeclared_pooler_error_names_the_setting() {
    let database = Postgres::new().await;
    for settings in [
        "",
        // Ignoring the parameters that it would reject.
        "ignore_startup_parameters = extra_float_digits, options",
    ] {
        let pooler = Pooler::start(settings);
        let address = pooler.address(&database.url);
        let refused = PostgresStore::connect(&address, keys()).await.unwrap_err();
        let said = format!("{refused:?}");
        assert!(
            said.contains("PostgresOptions::transaction_pooler"),
            "{said}"
        );
    }
    // The setting and tables created through a pooler work without one.
    drop(database.open().await);
}
