//! The sweep of expired session records, also after failures of the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tower_heroku_sso::MemorySessions;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, ExpiredDeletion, Result};
use tower_sessions_sqlx_store::SqliteStore;
use tower_sessions_sqlx_store::sqlx::SqlitePool;

use support::world::World;

/// A store whose first sweeps fail, or panic.
#[derive(Clone, Debug, Default)]
struct Failing {
    inner: MemorySessions,
    sweeps: Arc<AtomicUsize>,
    panics: bool,
}

#[async_trait]
impl SessionStore for Failing {
    async fn save(&self, record: &Record) -> Result<()> {
        self.inner.save(record).await
    }
    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        self.inner.load(id).await
    }
    async fn delete(&self, id: &Id) -> Result<()> {
        self.inner.delete(id).await
    }
}

#[async_trait]
impl ExpiredDeletion for Failing {
    async fn delete_expired(&self) -> Result<()> {
        assert!(!self.panics, "a fault of this store");
        match self.sweeps.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err(Error::Backend("the database is unavailable".into())),
            _ => Ok(()),
        }
    }
}

async fn until(condition: impl AsyncFn() -> bool) {
    let met = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), met)
        .await
        .expect("the condition holds in time");
}

#[tokio::test]
async fn failed_sweep_is_retried_at_the_next_period() {
    let sessions = Failing::default();
    let world = World::with(|builder| builder.session_store(MemorySessions::default())).await;
    let sweep = tokio::spawn(
        world
            .sso
            .sessions()
            .delete_expired(sessions.clone(), Duration::from_secs(60)),
    );
    for round in 1..=4 {
        tokio::task::yield_now().await;
        world.clock.advance(Duration::from_secs(60));
        until(async || sessions.sweeps.load(Ordering::SeqCst) >= round).await;
        assert!(!sweep.is_finished());
    }
    sweep.abort();
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(60));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(
        sessions.sweeps.load(Ordering::SeqCst),
        4,
        "the sweep has stopped"
    );
}

#[tokio::test]
async fn panicked_sweep_is_not_alive() {
    let sessions = Failing {
        panics: true,
        ..Failing::default()
    };
    let world = World::with(|builder| builder.session_store(MemorySessions::default())).await;
    let sweep = tokio::spawn(
        world
            .sso
            .sessions()
            .delete_expired(sessions, Duration::from_secs(60)),
    );
    tokio::task::yield_now().await;
    assert!(!sweep.is_finished());
    world.clock.advance(Duration::from_secs(60));
    until(async || sweep.is_finished()).await;
}

#[tokio::test]
async fn sweep_deletes_only_expired_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}?mode=rwc", folder.path().join("s.db").display());
    let pool = SqlitePool::connect(&file).await.unwrap();
    let sessions = SqliteStore::new(pool.clone());
    sessions.migrate().await.unwrap();
    let world = World::with(|builder| builder.session_store(sessions.clone())).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let mut expired = Record {
        id: Id::default(),
        data: Default::default(),
        expiry_date: time::OffsetDateTime::now_utc() - Duration::from_secs(1),
    };
    sessions.create(&mut expired).await.unwrap();
    let count = async || {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM tower_sessions")
            .fetch_one(&pool)
            .await
            .unwrap();
        count
    };
    assert_eq!(count().await, 2);
    let _sweep = tokio::spawn(
        world
            .sso
            .sessions()
            .delete_expired(sessions, Duration::from_secs(60)),
    );
    tokio::task::yield_now().await;
    world.clock.advance(Duration::from_secs(60));
    until(async || count().await == 1).await;
    assert_eq!(browser.fetch("/page").await.status, 200);
}
