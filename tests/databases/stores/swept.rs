//! Old rows are deleted from the databases in the background.

use std::time::Duration;

use heroku_sso_store::{Dated, Sequence, SessionKey, Store, Work};
use sqlx::{Connection, Executor, PgConnection, Row, SqliteConnection};
use time::OffsetDateTime;
use tower_heroku_sso::access::People;

use crate::place::{Place, Postgres, Sqlite};

/// One row of each swept kind, dated `now`.
async fn fill(store: &impl Store, now: OffsetDateTime) {
    let key = SessionKey::from_stored("closed");
    store.close_session(&key, now, now).await.unwrap();
    let members = Dated::new(People::default(), Sequence::new(1), now, Duration::ZERO);
    store
        .set_members(&"team".parse().unwrap(), members)
        .await
        .unwrap();
}

/// Triggers a sweep, which is due every ten minutes.
async fn sweep(store: &impl Store) {
    let key = SessionKey::from_stored("of today");
    let now = OffsetDateTime::now_utc();
    store.close_session(&key, now, now).await.unwrap();
}

async fn until_empty(what: &str, mut count: impl AsyncFnMut() -> i64) {
    let empty = async {
        while count().await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let empty = tokio::time::timeout(Duration::from_secs(10), empty).await;
    empty.unwrap_or_else(|_| panic!("{what} are not swept"));
}

#[tokio::test]
async fn old_rows_are_deleted_from_sqlite() {
    let place = Sqlite::new().await;
    let store = place.open().await;
    fill(
        &store,
        OffsetDateTime::now_utc() - Duration::from_secs(2 * 3600),
    )
    .await;
    sweep(&store).await;
    let file = format!("sqlite:{}", place.file().display());
    let mut other = SqliteConnection::connect(&file).await.unwrap();
    for old in [
        "heroku_sso_closed_session WHERE key = 'closed'",
        "heroku_sso_team",
    ] {
        let sql = format!("SELECT count(*) FROM {old}");
        until_empty(old, async || {
            other.fetch_one(sql.as_str()).await.unwrap().get(0)
        })
        .await;
    }
    let today = SessionKey::from_stored("of today");
    assert!(store.is_session_closed(&today).await.unwrap());
}

#[tokio::test]
async fn old_rows_are_deleted_from_postgres_without_blocking() {
    let place = Postgres::new().await;
    let store = place.open().await;
    fill(
        &store,
        OffsetDateTime::now_utc() - Duration::from_secs(2 * 3600),
    )
    .await;
    let shared = store.shared().unwrap();
    let work = Work::Members("team".parse().unwrap());
    assert!(shared.lease(&work, Duration::ZERO).await.unwrap());
    let mut other = PgConnection::connect(&place.url).await.unwrap();
    // By the server's clock, while another connection locks the table.
    other
        .execute(
            "UPDATE tower_heroku_sso.closed_session SET closed_at = now() - interval '2 hours';
             UPDATE tower_heroku_sso.lease SET until = now() - interval '2 hours';
             UPDATE tower_heroku_sso.team SET asked = now() - interval '2 hours'",
        )
        .await
        .unwrap();
    let mut busy = PgConnection::connect(&place.url).await.unwrap();
    busy.execute("BEGIN; LOCK TABLE tower_heroku_sso.lease IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let answered = tokio::time::timeout(Duration::from_secs(3), sweep(&store)).await;
    assert!(answered.is_ok(), "the caller waits for the sweep");
    busy.execute("ROLLBACK").await.unwrap();
    for old in [
        "tower_heroku_sso.closed_session WHERE key = 'closed'",
        "tower_heroku_sso.lease",
        "tower_heroku_sso.team",
    ] {
        let sql = format!("SELECT count(*) FROM {old}");
        until_empty(old, async || {
            other.fetch_one(sql.as_str()).await.unwrap().get(0)
        })
        .await;
    }
    let today = SessionKey::from_stored("of today");
    assert!(store.is_session_closed(&today).await.unwrap());
}

/// A signed cookie outlives a closing that is deleted too early.
#[tokio::test]
async fn process_with_a_fast_clock_deletes_no_closing_that_is_in_force() {
    let place = Postgres::new().await;
    let store = place.open().await;
    let now = OffsetDateTime::now_utc();
    let [mine, other] = ["mine", "other"].map(SessionKey::from_stored);
    let until = now + Duration::from_secs(90 * 60);
    store.close_session(&mine, until, now).await.unwrap();
    // An old lease shows when the sweep has passed the closings.
    let shared = store.shared().unwrap();
    let work = Work::Members("team".parse().unwrap());
    assert!(shared.lease(&work, Duration::ZERO).await.unwrap());
    let mut server = PgConnection::connect(&place.url).await.unwrap();
    server
        .execute(
            "UPDATE tower_heroku_sso.closed_session SET closed_at = now() - interval '2 hours';
             UPDATE tower_heroku_sso.lease SET until = now() - interval '2 hours'",
        )
        .await
        .unwrap();
    let fast = now + Duration::from_secs(4 * 3600);
    store.close_session(&other, fast, fast).await.unwrap();
    let sql = "SELECT count(*) FROM tower_heroku_sso.lease";
    until_empty("leases", async || {
        server.fetch_one(sql).await.unwrap().get(0)
    })
    .await;
    assert!(store.is_session_closed(&mine).await.unwrap());
}

/// An erasure locks the teams of a person one after the other: a sweep that held one and waited for another
/// could deadlock with it.
#[tokio::test]
async fn sweep_does_not_wait_for_a_team_that_an_erasure_has_locked() {
    let place = Postgres::new().await;
    let store = place.open().await;
    let now = OffsetDateTime::now_utc();
    for team in ["a", "b"] {
        let members = Dated::new(People::default(), Sequence::new(1), now, Duration::ZERO);
        store
            .set_members(&team.parse().unwrap(), members)
            .await
            .unwrap();
    }
    let mut other = PgConnection::connect(&place.url).await.unwrap();
    other
        .execute("UPDATE tower_heroku_sso.team SET asked = now() - interval '2 hours'")
        .await
        .unwrap();
    let mut erasure = PgConnection::connect(&place.url).await.unwrap();
    erasure
        .execute("BEGIN; SELECT 1 FROM tower_heroku_sso.team WHERE id = 'a' FOR UPDATE")
        .await
        .unwrap();
    sweep(&store).await;
    until_empty("other teams", async || {
        let left = "SELECT count(*) FROM tower_heroku_sso.team WHERE id = 'b'";
        other.fetch_one(left).await.unwrap().get(0)
    })
    .await;
    let locked = "SELECT count(*) FROM tower_heroku_sso.team WHERE id = 'a'";
    let locked: i64 = other.fetch_one(locked).await.unwrap().get(0);
    assert_eq!(locked, 1);
}
