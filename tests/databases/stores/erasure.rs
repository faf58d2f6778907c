//! A person is erased from Postgres during the end of a resource, and during another erasure, without a
//! deadlock.

use std::time::Duration;

use heroku_sso_store::{Registration, Revocation, Store};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use time::OffsetDateTime;
use tower_heroku_sso::{Email, ResourceId};

use crate::place::{Place, Postgres};
use crate::replicas::soon::eventually;
use crate::stores::conformance::list;

/// A lock on a resource's row.
struct Lock(PgConnection);

impl Lock {
    async fn of(place: &Postgres, id: &ResourceId) -> Self {
        let mut connection = PgConnection::connect(&place.url).await.unwrap();
        let lock =
            format!("BEGIN; SELECT 1 FROM tower_heroku_sso.resource WHERE id = '{id}' FOR UPDATE");
        connection.execute(lock.as_str()).await.unwrap();
        Self(connection)
    }

    /// Waits until this many statements wait for it, or for one that waits for it.
    async fn is_wanted_by(&mut self, statements: i64) {
        let shared = tokio::sync::Mutex::new(&mut self.0);
        eventually("they wait for the row", async || {
            let waiting = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
            let waiting = sqlx::query_scalar::<_, i64>(waiting);
            let waiting = waiting.fetch_one(&mut **shared.lock().await).await;
            waiting.unwrap() == statements
        })
        .await;
    }

    async fn let_go(mut self) {
        self.0.execute("COMMIT").await.unwrap();
    }
}

fn resource(number: u128) -> ResourceId {
    uuid::Uuid::from_u128(number).into()
}

fn address(name: &str) -> Email {
    format!("{name}@example.com").parse().unwrap()
}

async fn revoke(store: &impl Store, id: &ResourceId, email: &Email) {
    let now = OffsetDateTime::now_utc();
    let sequence = store.next_sequence().await.unwrap();
    let revocation = Revocation::new(email.clone(), sequence, now);
    let long_ago = now - Duration::from_secs(3600);
    store.revoke(id, revocation, long_ago).await.unwrap();
}

/// Two active resources, where Ann is revoked at the second one and Bob at the first.
async fn scene() -> (Postgres, [ResourceId; 2], [Email; 2]) {
    let place = Postgres::new().await;
    let store = place.open().await;
    let (resources, people) = ([1, 2].map(resource), ["ann", "bob"].map(address));
    for (id, email) in resources.iter().zip(people.iter().rev()) {
        assert!(store.put(id, Registration::active(None)).await.unwrap());
        revoke(&store, id, email).await;
    }
    (place, resources, people)
}

#[tokio::test]
async fn erasure_and_end_of_a_resource_both_succeed() {
    let (place, [_, resource], [ann, _]) = scene().await;
    let (erasing, ending) = (place.open().await, place.open().await);
    let mut lock = Lock::of(&place, &resource).await;
    let end = tokio::spawn(async move { ending.end(&resource).await });
    lock.is_wanted_by(1).await;
    let erase = tokio::spawn(async move { erasing.erase_person(&ann).await });
    lock.is_wanted_by(2).await;
    lock.let_go().await;
    assert!(end.await.unwrap().unwrap());
    erase.await.unwrap().unwrap();
}

#[tokio::test]
async fn erasures_of_two_people_both_succeed() {
    let (place, [first, second], [ann, bob]) = scene().await;
    let (store, beside) = (place.open().await, place.open().await);
    // Each is on the list of the resource at which the other is revoked.
    store.set_list(&first, list(&["ann"], 1)).await.unwrap();
    store.set_list(&second, list(&["bob"], 1)).await.unwrap();
    let mut lock = Lock::of(&place, &first).await;
    let erase_bob = tokio::spawn(async move { beside.erase_person(&bob).await });
    lock.is_wanted_by(1).await;
    let erase_ann = tokio::spawn(async move { store.erase_person(&ann).await });
    lock.is_wanted_by(2).await;
    lock.let_go().await;
    erase_bob.await.unwrap().unwrap();
    erase_ann.await.unwrap().unwrap();

    let store = place.open().await;
    for id in [first, second] {
        let stored = store.load(&id).await.unwrap().unwrap();
        assert!(stored.sessions_since.is_some() && stored.revocations.is_empty());
        assert!(
            !format!("{stored:?}").contains("@example.com"),
            "{stored:?}"
        );
    }
}
