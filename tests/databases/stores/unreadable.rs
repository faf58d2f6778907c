//! Rows that cannot be read, because of damage or a later version.

use std::time::Duration;

use heroku_addon_simulator::Endpoint;
use heroku_sso_store::{Dated, Registration, Revocation, Sequence, Store};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use support::ids::AddOnExt as _;
use support::world::World;
use time::OffsetDateTime;
use tower_heroku_sso::ResourceId;
use tower_heroku_sso::access::{App, People, ResourceList};
use tower_heroku_sso::sync::Change;

use crate::place::{Place, Postgres, Sqlite};

fn resource(number: u128) -> ResourceId {
    uuid::Uuid::from_u128(number).into()
}

async fn fill(store: &impl Store) {
    let now = OffsetDateTime::now_utc();
    for number in 1..=4 {
        let id = resource(number);
        assert!(store.put(&id, Registration::active(None)).await.unwrap());
        let app = App::new(
            "a0000000-0000-4000-8000-000000000001".parse().unwrap(),
            "shop",
        );
        let list = ResourceList::new("addon", app, People::default());
        let list = Dated::new(list, Sequence::new(1), now, Duration::ZERO);
        store.set_list(&id, list).await.unwrap();
        let email = "ann@example.com".parse().unwrap();
        let revocation = Revocation::new(email, Sequence::new(2), now);
        store.revoke(&id, revocation, now).await.unwrap();
    }
}

/// Intact rows are returned, and the readable parts of the others.
async fn reads_intact_parts(store: &impl Store) {
    let page = store.load_page(None, 10).await.unwrap();
    let found: Vec<_> = page
        .iter()
        .map(|found| (found.list.is_some(), found.revocations.len()))
        .collect();
    assert_eq!(found, [(false, 1), (true, 0), (false, 1), (true, 1)]);
}

fn damage(resource: &str, revocation: &str) -> String {
    let id = |number| self::resource(number);
    format!(
        "UPDATE {resource} SET list_sequence = NULL WHERE id = '{}';
         UPDATE {revocation} SET email = 'of a later version' WHERE resource = '{}';
         UPDATE {resource} SET list = '{{' WHERE id = '{}'",
        id(1),
        id(2),
        id(3)
    )
}

#[tokio::test]
async fn unreadable_row_hides_no_other_row_in_sqlite() {
    let place = Sqlite::new().await;
    let store = place.open().await;
    fill(&store).await;
    let file = format!("sqlite:{}", place.file().display());
    let mut other = SqliteConnection::connect(&file).await.unwrap();
    let damage = damage("heroku_sso_resource", "heroku_sso_revocation");
    other.execute(damage.as_str()).await.unwrap();
    reads_intact_parts(&store).await;
}

#[tokio::test]
async fn unreadable_row_hides_no_other_row_in_postgres() {
    let place = Postgres::new().await;
    let store = place.open().await;
    fill(&store).await;
    let mut other = PgConnection::connect(&place.url).await.unwrap();
    let damage = damage("tower_heroku_sso.resource", "tower_heroku_sso.revocation");
    other.execute(damage.as_str()).await.unwrap();
    reads_intact_parts(&store).await;
}

#[tokio::test]
async fn sqlite_uses_wal_and_tolerates_newer_columns() {
    let place = Sqlite::new().await;
    drop(place.open().await);
    let file = format!("sqlite:{}", place.file().display());
    let mut other = SqliteConnection::connect(&file).await.unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert_eq!(mode, "wal");
    other
        .execute(
            "ALTER TABLE heroku_sso_resource ADD COLUMN news TEXT;
             INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (1000, 'news', true, x'00', 1);",
        )
        .await
        .unwrap();
    let store = place.open().await;
    fill(&store).await;
    assert_eq!(store.load_page(None, 10).await.unwrap().len(), 4);
}

#[tokio::test]
async fn unreadable_stored_list_is_fetched_again() {
    let place = Sqlite::new().await;
    let (before, after) = (place.open().await, place.open().await);
    let world = World::with(|builder| builder.store(before)).await;
    let addon = world.addon().await;
    world.refresh(&addon.resource_id()).await;
    let file = format!("sqlite:{}", place.file().display());
    let mut other = SqliteConnection::connect(&file).await.unwrap();
    let damage = "UPDATE heroku_sso_resource SET list = '{\"of\": \"a later version\"}'";
    other.execute(damage).await.unwrap();
    world.heroku.calls().clear();
    let (sso, _) = world.another_gate(|builder| builder.store(after)).await;
    let _sync = sso.spawn_sync();
    let mut changes = sso.lists().changes();
    let reported = async {
        let is_list = |change: &Change| matches!(change, Change::Snapshot { .. });
        while !is_list(&changes.next().await.unwrap()) {}
    };
    let reported = tokio::time::timeout(Duration::from_secs(60), reported).await;
    assert!(reported.is_ok());
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 1);
    let list = sso.lists().get(&addon.resource_id()).await.unwrap();
    assert!(list.is_some());
}
