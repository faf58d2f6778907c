//! Sessions in a store that is shared with the partner's own tower-sessions or other deployments.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use tokio::time::timeout;
use tower_heroku_sso::{HerokuSsoBuilder, MemorySessions};
use tower_sessions::session::{Id, Record};
use tower_sessions::{Session, SessionStore, session_store};

use crate::faulty::Faulty;
use support::browser::Browser;
use support::open_stream::open;
use support::world::{REFRESH, World};

const COOKIE: &str = "__Host-heroku_sso";

async fn world(sessions: &MemorySessions) -> World {
    let sessions = sessions.clone();
    World::with(|builder| {
        let builder = builder.session_store(sessions);
        builder.session_cache(std::time::Duration::ZERO)
    })
    .await
}

fn id_in(browser: &Browser) -> Id {
    browser.cookie(COOKIE).unwrap().parse().unwrap()
}

async fn has(sessions: &MemorySessions, id: &Id) -> bool {
    sessions.load(id).await.unwrap().is_some()
}

#[tokio::test]
async fn c8_record_copied_to_another_id_is_rejected() {
    let sessions = MemorySessions::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let mut copy = sessions.load(&id_in(&ann)).await.unwrap().unwrap();
    copy.id = Id::default();
    sessions.create(&mut copy).await.unwrap();

    let copied = world.browser();
    let signs_out = |browser: &Browser| browser.request(Method::POST, "/logout");
    for _ in 0..2 {
        copied.set_cookie(COOKIE, &copy.id.to_string());
        assert_eq!(copied.fetch("/page").await.status, 401);
    }
    copied.set_cookie(COOKIE, &copy.id.to_string());
    assert_eq!(copied.send(signs_out(&copied)).await.status, 204);
    // The copy is not deleted, and the original session keeps working.
    assert!(has(&sessions, &copy.id).await);
    assert_eq!(ann.fetch("/page").await.status, 200);
    assert_eq!(ann.send(signs_out(&ann)).await.status, 204);
    copied.set_cookie(COOKIE, &copy.id.to_string());
    assert_eq!(copied.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn c8_session_with_cycled_id_is_rejected() {
    let sessions = MemorySessions::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let session = Session::new(Some(id_in(&ann)), Arc::new(sessions.clone()), None);
    session.cycle_id().await.unwrap();
    session.save().await.unwrap();
    let cycled = session.id().unwrap();
    assert_ne!(cycled, id_in(&ann));
    ann.set_cookie(COOKIE, &cycled.to_string());
    assert_eq!(ann.fetch("/page").await.status, 401);
    assert!(has(&sessions, &cycled).await);
}

/// Gives every record a new id.
#[derive(Clone, Debug, Default)]
struct Renaming {
    inner: MemorySessions,
    renamed: Arc<AtomicUsize>,
}

#[async_trait]
impl SessionStore for Renaming {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        record.id = Id::default();
        self.renamed.fetch_add(1, Ordering::SeqCst);
        self.inner.create(record).await
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.inner.save(record).await
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.inner.load(id).await
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.inner.delete(id).await
    }
}

#[tokio::test]
async fn c8_grant_is_bound_to_the_id_chosen_by_the_store() {
    let sessions = Renaming::default();
    let given = sessions.clone();
    let world = World::with(|builder| builder.session_store(given)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(sessions.renamed.load(Ordering::SeqCst), 1);
    assert_eq!(ann.fetch("/page").await.status, 200);
}

/// Two deployments of one add-on, with different resources, on one session store.
#[tokio::test]
async fn c8_session_of_another_deployment_is_neither_used_nor_ended() {
    let sessions = MemorySessions::default();
    let (one, two) = (world(&sessions).await, world(&sessions).await);
    let (addon, other) = (one.addon().await, two.addon().await);
    let ann = one.signed_in(&addon, "ann@example.com").await;
    let session = ann.cookie(COOKIE).unwrap();

    let elsewhere = two.browser();
    for _ in 0..2 {
        elsewhere.set_cookie(COOKIE, &session);
        assert_eq!(elsewhere.fetch("/page").await.status, 401);
    }
    elsewhere.set_cookie(COOKIE, &session);
    let sign_out = elsewhere.request(Method::POST, "/logout");
    assert_eq!(elsewhere.send(sign_out).await.status, 204);
    // A sign-in at the other deployment does not end this session.
    elsewhere.set_cookie(COOKIE, &session);
    let form = other.sign_in_form("ann@example.com").body();
    let sign_in = elsewhere.request(Method::POST, "/heroku/sso").body(form);
    let sign_in = sign_in.header("content-type", support::browser::FORM);
    assert_eq!(elsewhere.send(sign_in).await.status, 303);

    assert!(has(&sessions, &id_in(&ann)).await);
    assert_eq!(ann.fetch("/page").await.status, 200);
    assert_eq!(two.reached(), 0);
}

/// The resource of this session is known and deprovisioned, so the record is deleted.
#[tokio::test]
async fn c8_session_of_a_deprovisioned_resource_is_deleted() {
    let sessions = MemorySessions::default();
    let world = world(&sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let id = id_in(&ann);
    assert_eq!(addon.deprovision().await.unwrap().status, 204);
    assert_eq!(ann.fetch("/page").await.status, 401);
    assert!(!has(&sessions, &id).await);
}

/// A session store with a cache of its own, which deletes nothing at once.
#[derive(Clone, Debug, Default)]
struct Late(MemorySessions);

#[async_trait]
impl SessionStore for Late {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.0.create(record).await
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.0.save(record).await
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.0.load(id).await
    }
    async fn delete(&self, _: &Id) -> session_store::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn record_that_outlives_a_sign_out_at_another_process_opens_nothing() {
    let (store, sessions) = (Faulty::shared(&Arc::default()), Late::default());
    let with = |builder: HerokuSsoBuilder| {
        let builder = builder.store(store.clone());
        builder.session_store(sessions.clone())
    };
    let world = World::with(with).await;
    let (_another, address) = world.another_gate(with).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let id = id_in(&ann);
    assert_eq!(ann.fetch("/page").await.status, 200);
    let there = ann.at(address);
    let out = there.request(Method::POST, "/logout");
    assert_eq!(there.send(out).await.status, 204);
    assert!(has(&sessions.0, &id).await);
    // The copy in memory is used for five seconds.
    world.clock.advance(Duration::from_secs(6));
    assert_eq!(ann.fetch("/page").await.status, 401);
}

/// No event told of it: the store is asked when the stream's list is due.
#[tokio::test]
async fn stream_ends_after_a_sign_out_at_another_process() {
    let store = Faulty::shared(&Arc::default()).keeping_sessions();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let (_another, address) = world
        .another_gate(|builder| builder.store(store.clone()))
        .await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let mut stream = open(ann.request(Method::GET, "/stream")).await;
    let there = ann.at(address);
    let out = there.request(Method::POST, "/logout");
    assert_eq!(there.send(out).await.status, 204);
    let more = timeout(Duration::from_millis(100), stream.chunk()).await;
    assert!(more.is_err(), "the stream has not been checked yet");
    world.clock.advance(REFRESH + Duration::from_secs(1));
    let end = async { while let Ok(Some(_)) = stream.chunk().await {} };
    let ended = timeout(Duration::from_secs(60), end).await;
    ended.expect("the stream ends");
}
