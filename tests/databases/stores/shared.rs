//! Leases and events between several processes on one Postgres.

use std::time::Duration;

use heroku_sso_store::{
    Registration, SessionKey, SharedStore, Store, StoreEvent, StoreEvents, Work,
};
use time::OffsetDateTime;
use tower_heroku_sso::ResourceId;
use tower_heroku_sso::store::PostgresStore;

use crate::place::{Place, Postgres, keys};
use crate::stores::conformance::replay_key;

const LIFE: Duration = Duration::from_secs(30);

fn resource(number: u128) -> ResourceId {
    uuid::Uuid::from_u128(number).into()
}

async fn pair() -> (PostgresStore, PostgresStore) {
    let place = Postgres::new().await;
    (place.open().await, place.open().await)
}

fn shared(store: &PostgresStore) -> &dyn SharedStore {
    store.shared().expect("a store that is shared")
}

/// The next event, within less than the 15 seconds between polls.
async fn within(events: &mut dyn StoreEvents) -> StoreEvent {
    let next = tokio::time::timeout(Duration::from_secs(5), events.next());
    next.await.expect("an event comes")
}

#[tokio::test]
async fn lease_is_exclusive_until_released() {
    let (a, b) = pair().await;
    let work = Work::List(resource(1));
    assert!(shared(&a).lease(&work, LIFE).await.unwrap());
    assert!(!shared(&b).lease(&work, LIFE).await.unwrap());
    // Its holder renews it.
    assert!(shared(&a).lease(&work, LIFE).await.unwrap());
    // Only its holder can release it.
    shared(&b).release(&work).await.unwrap();
    assert!(!shared(&b).lease(&work, LIFE).await.unwrap());
    assert!(
        shared(&b)
            .lease(&Work::Grant(resource(1)), LIFE)
            .await
            .unwrap()
    );
    shared(&a).release(&work).await.unwrap();
    assert!(shared(&b).lease(&work, LIFE).await.unwrap());
}

#[tokio::test]
async fn clones_of_clones_are_separate_processes() {
    let a = Postgres::new().await.open().await;
    let b = a.clone();
    let (c, d) = (b.clone(), a.clone());
    let clones = [&a, &b, &c, &d];
    for (number, holder) in clones.into_iter().enumerate() {
        let work = Work::List(resource(number as u128));
        assert!(shared(holder).lease(&work, LIFE).await.unwrap());
        for (other, store) in clones.into_iter().enumerate() {
            let taken = shared(store).lease(&work, LIFE).await.unwrap();
            assert_eq!(taken, other == number, "{other} has the lease of {number}");
        }
    }
    // A sign-out at one is heard by the others.
    let mut events = shared(&d).events();
    let key = SessionKey::from_stored("abc");
    let now = OffsetDateTime::now_utc();
    c.close_session(&key, now, now).await.unwrap();
    assert_eq!(within(&mut *events).await, StoreEvent::Session(key));
}

#[tokio::test]
async fn fast_clock_does_not_expire_used_forms_of_others() {
    let (a, ahead) = pair().await;
    let now = OffsetDateTime::now_utc();
    let (used, old) = (replay_key(1), replay_key(2));
    assert!(a.consume(&used, now, now).await.unwrap());
    assert!(
        a.consume(&old, now - time::Duration::hours(2), now)
            .await
            .unwrap()
    );
    // Another sign-in triggers the sweep.
    let later = now + time::Duration::hours(3);
    let other = replay_key(3);
    assert!(ahead.consume(&other, later, later).await.unwrap());
    let swept = async { while !a.consume(&old, now, now).await.unwrap() {} };
    tokio::time::timeout(Duration::from_secs(20), swept)
        .await
        .unwrap();
    assert!(!a.consume(&used, now, now).await.unwrap());
}

#[tokio::test]
async fn expired_lease_passes_to_another_process() {
    let (a, b) = pair().await;
    let work = Work::List(resource(1));
    assert!(shared(&a).lease(&work, Duration::ZERO).await.unwrap());
    assert!(shared(&b).lease(&work, LIFE).await.unwrap());
    assert!(!shared(&a).lease(&work, LIFE).await.unwrap());
}

#[tokio::test]
async fn concurrent_lease_requests_grant_one() {
    let place = Postgres::new().await;
    let mut wanting = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = place.open().await;
        wanting.spawn(async move {
            let mut got = 0;
            for number in 0..20 {
                let work = Work::List(resource(number));
                got += usize::from(shared(&store).lease(&work, LIFE).await.unwrap());
            }
            got
        });
    }
    assert_eq!(wanting.join_all().await.iter().sum::<usize>(), 20);
}

#[tokio::test]
async fn events_of_others_arrive_and_own_events_do_not() {
    let (a, b) = pair().await;
    let mut events = shared(&b).events();
    assert!(
        b.put(&resource(2), Registration::active(None))
            .await
            .unwrap()
    );
    assert!(
        a.put(&resource(1), Registration::active(None))
            .await
            .unwrap()
    );
    assert_eq!(
        within(&mut *events).await,
        StoreEvent::Resource(resource(1))
    );
    let key = SessionKey::from_stored("abc");
    let now = OffsetDateTime::now_utc();
    a.close_session(&key, now, now).await.unwrap();
    // The first poll may repeat a change.
    loop {
        match within(&mut *events).await {
            StoreEvent::Session(closed) => {
                assert_eq!(closed, key);
                break;
            }
            event => assert_eq!(event, StoreEvent::Resource(resource(1))),
        }
    }
    assert!(b.is_session_closed(&key).await.unwrap());
}

#[tokio::test]
async fn changes_before_listening_are_reported() {
    let (a, b) = pair().await;
    assert!(
        a.put(&resource(1), Registration::active(None))
            .await
            .unwrap()
    );
    assert!(a.end(&resource(1)).await.unwrap());
    let mut events = shared(&b).events();
    assert_eq!(
        within(&mut *events).await,
        StoreEvent::Resource(resource(1))
    );
}

#[tokio::test]
async fn changes_during_a_broken_connection_are_reported() {
    use sqlx::{Connection, Executor};

    let place = Postgres::new().await;
    let (a, b) = (place.open().await, place.open().await);
    let mut events = shared(&b).events();
    assert!(
        a.put(&resource(1), Registration::active(None))
            .await
            .unwrap()
    );
    assert_eq!(
        within(&mut *events).await,
        StoreEvent::Resource(resource(1))
    );
    // All other connections to this database are terminated.
    let mut other = sqlx::PgConnection::connect(&place.url).await.unwrap();
    other
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
    assert!(
        a.put(&resource(2), Registration::active(None))
            .await
            .unwrap()
    );
    while within(&mut *events).await != StoreEvent::Resource(resource(2)) {}
}

#[tokio::test]
async fn concurrent_processes_migrate_an_empty_database() {
    let place = Postgres::new().await;
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = place.url.clone();
        starting.spawn(async move { PostgresStore::connect(&url, keys()).await.map(drop) });
    }
    for started in starting.join_all().await {
        started.unwrap();
    }
}

#[tokio::test]
async fn newer_tables_and_foreign_migrations_are_tolerated() {
    use sqlx::{Connection, Executor};

    let place = Postgres::new().await;
    let mut other = sqlx::PgConnection::connect(&place.url).await.unwrap();
    other
        .execute(
            "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL,
             installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL,
             checksum bytea NOT NULL, execution_time bigint NOT NULL);
             INSERT INTO _sqlx_migrations VALUES (1, 'theirs', now(), true, 'x', 1);",
        )
        .await
        .unwrap();
    let store = place.open().await;
    drop(store);
    other
        .execute(
            "ALTER TABLE tower_heroku_sso.resource ADD COLUMN news text;
             INSERT INTO tower_heroku_sso._sqlx_migrations VALUES (1000, 'news', now(), true, 'x', 1);",
        )
        .await
        .unwrap();
    let store = place.open().await;
    assert!(
        store
            .put(&resource(1), Registration::active(None))
            .await
            .unwrap()
    );
    assert!(store.load(&resource(1)).await.unwrap().is_some());
}
