//! What is read of a session store, and what is left in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use tower_heroku_sso::MemorySessions;
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use support::world::{UNUSED, World};

/// By default.
const MAX_SESSION: Duration = Duration::from_secs(90 * 60);

/// How long a record is believed without being read again.
const BELIEVED: Duration = Duration::from_secs(5);

/// Sessions in memory that are counted, and that can go away.
#[derive(Clone, Debug, Default)]
struct Counted {
    inner: MemorySessions,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    is_away: AtomicBool,
    created: AtomicUsize,
    loaded: AtomicUsize,
    deleted: AtomicUsize,
}

impl Counted {
    fn reached(&self, count: &AtomicUsize) -> session_store::Result<&MemorySessions> {
        count.fetch_add(1, Ordering::SeqCst);
        match self.counts.is_away.load(Ordering::SeqCst) {
            true => Err(session_store::Error::Backend("it is away".into())),
            false => Ok(&self.inner),
        }
    }

    fn go_away(&self, is_away: bool) {
        self.counts.is_away.store(is_away, Ordering::SeqCst);
    }

    /// How often it was read since this was asked last.
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
    World::with(|builder| builder.session_store(sessions).session_cache(BELIEVED)).await
}

#[tokio::test]
async fn a_record_is_read_once_in_the_time_that_it_is_believed() {
    let sessions = Counted::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.fetch("/").await.status, 200);
    sessions.loaded();
    for _ in 0..3 {
        assert_eq!(ann.fetch("/").await.status, 200);
    }
    assert_eq!(sessions.loaded(), 0, "a moment ago it was read");
    world.clock.advance(BELIEVED);
    for _ in 0..3 {
        assert_eq!(ann.fetch("/").await.status, 200);
    }
    assert_eq!(sessions.loaded(), 1, "its time is over to the second");
    world.clock.advance(BELIEVED - Duration::from_millis(1));
    assert_eq!(ann.fetch("/").await.status, 200);
    assert_eq!(sessions.loaded(), 0);
}

#[tokio::test]
async fn a_store_that_is_away_is_left_alone_for_five_seconds_and_its_copy_believed() {
    let sessions = Counted::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.fetch("/").await.status, 200);
    sessions.loaded();
    sessions.go_away(true);
    for (advance, asked) in [(5_000, 1), (4_999, 0), (1, 1), (4_000, 0)] {
        world.clock.advance(Duration::from_millis(advance));
        for _ in 0..2 {
            assert_eq!(ann.fetch("/").await.status, 200);
        }
        assert_eq!(sessions.loaded(), asked, "after {advance} ms");
    }
    // Of a session that was never read there is no copy.
    let other = world.browser();
    other.set_cookie("__Host-heroku_sso", "AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(other.fetch("/").await.status, 503);
    sessions.go_away(false);
    world.clock.advance(BELIEVED);
    assert_eq!(ann.fetch("/").await.status, 200);
    assert_eq!(sessions.loaded(), 2, "the other's too");
}

#[tokio::test]
async fn no_record_is_left_of_a_session_that_was_signed_out_or_did_not_begin() {
    let sessions = Counted::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    let ann = world.browser();
    assert_eq!(ann.submit(&form).await.status, 303);
    assert_eq!(sessions.left(), 1);
    // The form is found to be used only after a session was made for it.
    assert_eq!(world.browser().submit(&form).await.status, 403);
    assert_eq!(sessions.left(), 1);
    let out = ann.request(Method::POST, "/logout");
    assert_eq!(ann.send(out).await.status, 204);
    assert_eq!(sessions.left(), 0);
}

/// Clocks differ: to another process it may not have ended.
#[tokio::test]
async fn the_record_of_a_session_that_has_ended_is_left_to_the_store_to_remove() {
    let sessions = Counted::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(MAX_SESSION);
    assert_eq!(ann.fetch("/").await.status, 401);
    assert_eq!(sessions.left(), 1);
}

#[tokio::test]
async fn the_record_of_a_session_that_nobody_used_is_removed() {
    let sessions = Counted::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(UNUSED);
    assert_eq!(ann.fetch("/").await.status, 401);
    assert_eq!(sessions.left(), 0);
}

#[tokio::test]
async fn sessions_in_memory_are_swept_once_a_minute_and_deleted_at_once() {
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
