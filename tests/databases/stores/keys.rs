//! Tokens at rest.

use std::error::Error;
use std::time::Duration;

use heroku_sso_store::{Registration, Store};
use secrecy::ExposeSecret;
use sqlx::{Connection, Executor, PgConnection, Row, SqliteConnection};
use time::OffsetDateTime;
use tower_heroku_sso::store::{EncryptionKeys, SqliteStore, StoreError};
use tower_heroku_sso::{ResourceId, Tokens};

use crate::place::{Place, Postgres, Sqlite, key, keys};

fn resource(number: u128) -> ResourceId {
    uuid::Uuid::from_u128(number).into()
}

fn registration() -> Registration {
    let mut registration = Registration::active(Some(Tokens::new(
        "HRKU-the-access-token",
        "HRKU-the-refresh-token",
        OffsetDateTime::now_utc(),
    )));
    registration.grant_code = Some("the-grant-code".into());
    registration
}

fn said_by(error: &StoreError) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        said = format!("{said}: {cause}");
        next = cause.source();
    }
    said
}

#[tokio::test]
async fn s3_database_file_contains_no_plain_token() {
    let place = Sqlite::new().await;
    let store = place.open().await;
    assert!(store.put(&resource(1), registration()).await.unwrap());
    drop(store);
    let folder = place.file();
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(folder.parent().unwrap()).unwrap() {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let has = |text: &str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(has("heroku_sso_resource"));
    for secret in ["HRKU-the", "the-grant-code"] {
        assert!(!has(secret), "{secret}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn new_database_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let place = Sqlite::new().await;
    let store = place.open().await;
    assert!(store.put(&resource(1), registration()).await.unwrap());
    for file in std::fs::read_dir(place.file().parent().unwrap()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} {mode:o}", file.path());
    }
}

#[tokio::test]
async fn encrypted_token_opens_only_for_its_resource() {
    let place = Sqlite::new().await;
    let store = place.open().await;
    assert!(store.put(&resource(1), registration()).await.unwrap());
    assert!(store.put(&resource(2), registration()).await.unwrap());
    let file = format!("sqlite:{}", place.file().display());
    let pool = sqlx::SqlitePool::connect(&file).await.unwrap();
    sqlx::query(
        "UPDATE heroku_sso_resource SET tokens =
         (SELECT tokens FROM heroku_sso_resource WHERE id LIKE '%1') WHERE id LIKE '%2'",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert!(store.get(&resource(1)).await.is_ok());
    let error = store.get(&resource(2)).await.unwrap_err();
    assert!(
        said_by(&error).contains("belongs to another resource"),
        "{}",
        said_by(&error)
    );
}

/// Rotates the keys of a store without downtime.
async fn keys_are_rotated<P: Place>(place: P, reencrypt: impl AsyncFn(&P::Store) -> usize) {
    let store = place.open().await;
    for number in 1..=3 {
        assert!(store.put(&resource(number), registration()).await.unwrap());
    }
    let reads = async |store: &P::Store| {
        for number in 1..=3 {
            let known = store.get(&resource(number)).await.unwrap().unwrap();
            let access = known.tokens.unwrap().access;
            assert_eq!(access.expose_secret(), "HRKU-the-access-token");
            assert_eq!(known.grant_code.unwrap().expose_secret(), "the-grant-code");
        }
    };
    drop(store);

    // A wrong key is distinguished from damage at startup, and the error names the missing key.
    let error = place
        .open_with(EncryptionKeys::new(key(2)))
        .await
        .unwrap_err();
    assert!(
        said_by(&error).contains(&key(1).id().to_string()),
        "{}",
        said_by(&error)
    );

    let store = place.open_with(new_and_old()).await.unwrap();
    reads(&store).await;
    assert_eq!(reencrypt(&store).await, 3);
    assert_eq!(reencrypt(&store).await, 0);
    reads(&store).await;
    drop(store);

    let store = place.open_with(EncryptionKeys::new(key(2))).await.unwrap();
    reads(&store).await;
    let error = place.open_with(keys()).await.unwrap_err();
    assert!(
        said_by(&error).contains(&key(2).id().to_string()),
        "{}",
        said_by(&error)
    );
}

#[tokio::test]
async fn keys_are_rotated_in_sqlite() {
    keys_are_rotated(Sqlite::new().await, async |store| {
        store.reencrypt().await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn keys_are_rotated_in_postgres() {
    keys_are_rotated(Postgres::new().await, async |store| {
        store.reencrypt().await.unwrap()
    })
    .await;
}

fn new_and_old() -> EncryptionKeys {
    EncryptionKeys::new(key(2)).with_previous_key(key(1))
}

/// The old key must not be dropped yet.
#[tokio::test]
async fn postgres_row_changed_during_reencryption_is_counted() {
    let place = Postgres::new().await;
    let store = place.open().await;
    assert!(store.put(&resource(1), registration()).await.unwrap());
    let store = place.open_with(new_and_old()).await.unwrap();
    let mut renewal = PgConnection::connect(&place.url).await.unwrap();
    renewal
        .execute("BEGIN; UPDATE tower_heroku_sso.resource SET revision = revision + 1")
        .await
        .unwrap();
    let end_renewal = async {
        let mut other = PgConnection::connect(&place.url).await.unwrap();
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let is_waiting = async {
            while other.fetch_one(waiting).await.unwrap().get::<i64, _>(0) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let is_waiting = tokio::time::timeout(Duration::from_secs(20), is_waiting);
        is_waiting
            .await
            .expect("the reencryption waits for the row");
        renewal.execute("COMMIT").await.unwrap();
    };
    let (count, ()) = tokio::join!(store.reencrypt(), end_renewal);
    assert_eq!(count.unwrap(), 1);
    assert_eq!(store.reencrypt().await.unwrap(), 1);
    assert_eq!(store.reencrypt().await.unwrap(), 0);
    let new = EncryptionKeys::new(key(2));
    assert!(place.open_with(new).await.is_ok());
}

#[tokio::test]
async fn sqlite_row_changed_during_reencryption_is_counted() {
    let place = Sqlite::new().await;
    let store = place.open().await;
    assert!(store.put(&resource(1), registration()).await.unwrap());
    let store = place.open_with(new_and_old()).await.unwrap();
    let file = format!("sqlite:{}", place.file().display());
    let mut other = SqliteConnection::connect(&file).await.unwrap();
    // An update changes nothing, as if the row had another revision by now.
    let skip = "CREATE TRIGGER skip BEFORE UPDATE ON heroku_sso_resource
                BEGIN SELECT RAISE(IGNORE); END";
    other.execute(skip).await.unwrap();
    assert_eq!(store.reencrypt().await.unwrap(), 1);
    other.execute("DROP TRIGGER skip").await.unwrap();
    assert_eq!(store.reencrypt().await.unwrap(), 1);
    assert_eq!(store.reencrypt().await.unwrap(), 0);
}

#[tokio::test]
async fn unusable_database_url_error_contains_no_password() {
    use tower_heroku_sso::store::PostgresStore;

    for (url, why) in [
        ("postgres://me:the-password@127.0.0.1:1/x", "is it up"),
        (
            "postgres://me:the-password@[::not-an-address/x",
            "not a `postgres://` one",
        ),
        (
            "mysql://me:the-password@127.0.0.1/x",
            "not a `postgres://` one",
        ),
    ] {
        let error = PostgresStore::connect(url, keys()).await.unwrap_err();
        let said = format!("{} {error:?}", said_by(&error));
        assert!(
            said.contains(why) && !said.contains("the-password"),
            "{said}"
        );
    }
    let missing = std::path::Path::new("/nowhere/at/all/sso.db");
    assert!(SqliteStore::open(missing, keys()).await.is_err());
}
