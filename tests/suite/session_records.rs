//! Reads of the session store, and the records that stay in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use tower_heroku_sso::MemorySessions;
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use crate::faulty::Faulty;
use support::ids::AddOnExt as _;
use support::world::{UNUSED, World};

/// The default.
const MAX_SESSION: Duration = Duration::from_secs(90 * 60);

/// How long a record is cached.
const CACHED: Duration = Duration::from_secs(5);

/// Sessions in memory that count their calls and can become unavailable.
#[derive(Clone, Debug, Default)]
struct Counted {
    inner: MemorySessions,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    is_down: AtomicBool,
    created: AtomicUsize,
    loaded: AtomicUsize,
    deleted: AtomicUsize,
}

impl Counted {
    fn reached(&self, count: &AtomicUsize) -> session_store::Result<&MemorySessions> {
        count.fetch_add(1, Ordering::SeqCst);
        match self.counts.is_down.load(Ordering::SeqCst) {
            true => Err(session_store::Error::Backend("unavailable".into())),
            false => Ok(&self.inner),
        }
    }

    fn set_down(&self, is_down: bool) {
        self.counts.is_down.store(is_down, Ordering::SeqCst);
    }

    /// The reads since the last call of this method.
    fn loaded(&self) -> usize {
        self.counts.loaded.swap(0, Ordering::SeqCst)
    }

    fn left(&self) -> usize {
        let created = self.counts.created.load(Ordering::SeqCst);
        created - self.counts.deleted.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl SessionStore for Counted {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.reached(&self.counts.created)?.create(record).await
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.inner.save(record).await
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.reached(&self.counts.loaded)?.load(id).await
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.reached(&self.counts.deleted)?.delete(id).await
    }
}

async fn world(sessions: &Counted) -> World {
    let sessions = sessions.clone();
    World::with(|builder| builder.session_store(sessions).session_cache(CACHED)).await
}

#[tokio::test]
async fn session_record_is_read_once_per_cache_period() {
    let sessions = Counted::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.fetch("/").await.status, 200);
    sessions.loaded();
    for _ in 0..3 {
        assert_eq!(ann.fetch("/").await.status, 200);
    }
    assert_eq!(sessions.loaded(), 0, "the cached copy is used");
    world.clock.advance(CACHED);
    for _ in 0..3 {
        assert_eq!(ann.fetch("/").await.status, 200);
    }
    assert_eq!(sessions.loaded(), 1, "the cached copy has expired");
    world.clock.advance(CACHED - Duration::from_millis(1));
    assert_eq!(ann.fetch("/").await.status, 200);
    assert_eq!(sessions.loaded(), 0);
}

#[tokio::test]
async fn unavailable_store_is_retried_every_5_s_while_the_copy_serves() {
    let sessions = Counted::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.fetch("/").await.status, 200);
    sessions.loaded();
    sessions.set_down(true);
    for (advance, asked) in [(5_000, 1), (4_999, 0), (1, 1), (4_000, 0)] {
        world.clock.advance(Duration::from_millis(advance));
        for _ in 0..2 {
            assert_eq!(ann.fetch("/").await.status, 200);
        }
        assert_eq!(sessions.loaded(), asked, "after {advance} ms");
    }
    // A session that was never read has no cached copy.
    let other = world.browser();
    other.set_cookie("__Host-heroku_sso", "AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(other.fetch("/").await.status, 503);
    sessions.set_down(false);
    world.clock.advance(CACHED);
    assert_eq!(ann.fetch("/").await.status, 200);
    assert_eq!(sessions.loaded(), 2, "including the other session");
}

#[tokio::test]
async fn slow_failure_of_the_store_is_followed_by_a_whole_pause() {
    let store = Faulty::default().keeping_sessions();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept).session_cache(CACHED)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.fetch("/").await.status, 200);
    world.clock.advance(CACHED);
    let asked = || store.calls("find_session");
    let before = asked();
    store.fail("find_session");
    store.hold("find_session");
    let request = ann.request(Method::GET, "/");
    let waiting = tokio::spawn(async move { request.send().await.unwrap().status() });
    while asked() == before {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Duration::from_secs(2));
    store.let_pass("find_session", 1);
    assert_eq!(waiting.await.unwrap(), 200);
    store.let_go("find_session");
    for (advance, total) in [(4_999, 1), (1, 2)] {
        world.clock.advance(Duration::from_millis(advance));
        assert_eq!(ann.fetch("/").await.status, 200);
        assert_eq!(asked() - before, total, "after {advance} ms");
    }
}

#[tokio::test]
async fn signed_out_or_failed_sessions_leave_no_record() {
    let sessions = Counted::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    let ann = world.browser();
    assert_eq!(ann.submit(&form).await.status, 303);
    assert_eq!(sessions.left(), 1);
    // A used form creates no session.
    assert_eq!(world.browser().submit(&form).await.status, 403);
    assert_eq!(sessions.left(), 1);
    let out = ann.request(Method::POST, "/logout");
    assert_eq!(ann.send(out).await.status, 204);
    assert_eq!(sessions.left(), 0);
}

/// Clocks differ: for another process the session may not have expired.
#[tokio::test]
async fn record_of_an_expired_session_is_left_to_the_store() {
    let sessions = Counted::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(MAX_SESSION);
    assert_eq!(ann.fetch("/").await.status, 401);
    assert_eq!(sessions.left(), 1);
}

#[tokio::test]
async fn record_of_an_unused_session_is_deleted() {
    let sessions = Counted::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(UNUSED);
    assert_eq!(ann.fetch("/").await.status, 401);
    assert_eq!(sessions.left(), 0);
}

#[tokio::test]
async fn record_of_a_session_whose_user_must_sign_in_again_is_deleted() {
    for why in ["revoked", "email changed", "removed and added again"] {
        let sessions = Counted::default();
        let world = world(&sessions).await;
        let addon = world.addon().await;
        let resource = addon.resource_id();
        let ann = world.signed_in(&addon, "ann@example.com").await;
        match why {
            "revoked" => {
                let email = "ann@example.com".parse().unwrap();
                world
                    .sso
                    .sessions()
                    .revoke(&resource, &email)
                    .await
                    .unwrap();
            }
            "email changed" => {
                let accounts = world.heroku.accounts();
                accounts.change_email("ann@example.com", "anna@example.com");
            }
            _ => {
                addon.app().remove("ann@example.com");
                world.refresh(&resource).await;
                addon.app().collaborator("ann@example.com");
            }
        }
        world.refresh(&resource).await;
        assert_eq!(sessions.left(), 1, "{why}");
        let answer = ann.fetch("/").await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (401, "session-ended"),
            "{why}"
        );
        assert_eq!(sessions.left(), 0, "{why}");
    }
}

#[tokio::test]
async fn memory_sessions_drop_expired_and_deleted_records() {
    let sessions = MemorySessions::default();
    let record = |age: time::Duration| Record {
        id: Id::default(),
        data: std::collections::HashMap::new(),
        expiry_date: time::OffsetDateTime::now_utc() - age,
    };
    let mut ended = record(time::Duration::HOUR);
    let mut lasting = record(-time::Duration::HOUR);
    sessions.create(&mut ended).await.unwrap();
    sessions.create(&mut lasting).await.unwrap();
    assert!(format!("{sessions:?}").contains("records: 2"));
    assert!(sessions.load(&ended.id).await.unwrap().is_none());
    assert!(sessions.load(&lasting.id).await.unwrap().is_some());
    sessions.delete(&lasting.id).await.unwrap();
    assert!(sessions.load(&lasting.id).await.unwrap().is_none());
    assert!(format!("{sessions:?}").contains("records: 1"));
}
