//! Places where a store of each kind can be opened and reopened.

use std::sync::atomic::{AtomicU32, Ordering};

use heroku_sso_store::Store;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use tempfile::TempDir;
use tower_heroku_sso::store::{
    EncryptionKey, EncryptionKeys, MemoryStore, PostgresStore, SqliteStore, StoreError,
};

pub fn keys() -> EncryptionKeys {
    EncryptionKeys::new(key(1))
}

pub fn key(number: u8) -> EncryptionKey {
    use base64::Engine;

    let bytes: Vec<u8> = (0..32).map(|n| n ^ (number << 5)).collect();
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    EncryptionKey::from_base64(&text).unwrap()
}

/// The place of one test's store.
pub trait Place {
    type Store: Store;

    async fn new() -> Self;
    async fn open_with(&self, keys: EncryptionKeys) -> Result<Self::Store, StoreError>;

    async fn open(&self) -> Self::Store {
        self.open_with(keys()).await.unwrap()
    }
}

pub struct Memory;

impl Place for Memory {
    type Store = MemoryStore;

    async fn new() -> Self {
        Self
    }
    async fn open_with(&self, _: EncryptionKeys) -> Result<MemoryStore, StoreError> {
        Ok(MemoryStore::default())
    }
}

pub struct Sqlite(TempDir);

impl Sqlite {
    pub fn file(&self) -> std::path::PathBuf {
        self.0.path().join("sso.db")
    }
}

impl Place for Sqlite {
    type Store = SqliteStore;

    async fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    async fn open_with(&self, keys: EncryptionKeys) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(self.file(), keys).await
    }
}

/// A new database on the server that `scripts/with-servers` started.
pub struct Postgres {
    pub url: String,
}

impl Place for Postgres {
    type Store = PostgresStore;

    async fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);

        let server = std::env::var("TEST_POSTGRES_URL");
        let server = server.expect("TEST_POSTGRES_URL: run by scripts/with-servers cargo test");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("stores_{}_{number}", std::process::id());
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let create = format!("CREATE DATABASE {name}");
        connection.execute(create.as_str()).await.unwrap();
        let (server, _) = server.rsplit_once('/').unwrap();
        Self {
            url: format!("{server}/{name}"),
        }
    }
    async fn open_with(&self, keys: EncryptionKeys) -> Result<PostgresStore, StoreError> {
        PostgresStore::connect(&self.url, keys).await
    }
}
