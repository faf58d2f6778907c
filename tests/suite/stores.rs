//! Stores that fail, and records that somebody altered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tower_heroku_sso::access::{People, ResourceList};
use tower_heroku_sso::ids::{LegacyId, TeamId};
use tower_heroku_sso::sso::ReplayKey;
use tower_heroku_sso::store::{
    ActiveResource, Dated, MemoryStore, Registration, Revocation, SessionKey, Store, StoreError,
    Ticket,
};
use tower_heroku_sso::{MemorySessions, ResourceId, Tokens};
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use crate::world::World;

/// A store, of resources or of sessions, whose database can go away.
#[derive(Clone, Debug, Default)]
struct Breakable<S> {
    inner: S,
    broken: Arc<AtomicBool>,
}

impl<S> Breakable<S> {
    fn switch(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    fn reached(&self) -> Result<&S, StoreError> {
        match self.is_broken() {
            true => Err(StoreError::new("the database is away")),
            false => Ok(&self.inner),
        }
    }
}

/// Only what decides single use goes away. Counts the sessions that are written down as closed.
#[derive(Debug, Default)]
struct ReplayBroken(Breakable<MemoryStore>, Arc<AtomicUsize>);

#[async_trait]
impl Store for ReplayBroken {
    async fn ticket(&self) -> Result<Ticket, StoreError> {
        self.0.inner.ticket().await
    }
    async fn put(&self, id: &ResourceId, registration: Registration) -> Result<bool, StoreError> {
        self.0.inner.put(id, registration).await
    }
    async fn get(&self, id: &ResourceId) -> Result<Option<Registration>, StoreError> {
        self.0.inner.get(id).await
    }
    async fn find_legacy(&self, id: &LegacyId) -> Result<Option<ResourceId>, StoreError> {
        self.0.inner.find_legacy(id).await
    }
    async fn load(&self, id: &ResourceId) -> Result<Option<ActiveResource>, StoreError> {
        self.0.inner.load(id).await
    }
    async fn load_page(
        &self,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ActiveResource>, StoreError> {
        self.0.inner.load_page(after, limit).await
    }
    async fn set_tokens(
        &self,
        id: &ResourceId,
        tokens: Tokens,
        revision: i64,
    ) -> Result<bool, StoreError> {
        self.0.inner.set_tokens(id, tokens, revision).await
    }
    async fn set_list(&self, id: &ResourceId, list: Dated<ResourceList>) -> Result<(), StoreError> {
        self.0.inner.set_list(id, list).await
    }
    async fn set_members(&self, id: &TeamId, members: Dated<People>) -> Result<(), StoreError> {
        self.0.inner.set_members(id, members).await
    }
    async fn members(&self, id: &TeamId) -> Result<Option<Dated<People>>, StoreError> {
        self.0.inner.members(id).await
    }
    async fn begin_closing(&self, id: &ResourceId) -> Result<bool, StoreError> {
        self.0.inner.begin_closing(id).await
    }
    async fn end(&self, id: &ResourceId) -> Result<bool, StoreError> {
        self.0.inner.end(id).await
    }
    async fn erase(&self, id: &ResourceId) -> Result<(), StoreError> {
        self.0.inner.erase(id).await
    }
    async fn set_webhook(&self, id: &ResourceId, fingerprint: &str) -> Result<(), StoreError> {
        self.0.inner.set_webhook(id, fingerprint).await
    }
    async fn revoke(
        &self,
        id: &ResourceId,
        revocation: Revocation,
        forget_before: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.0.inner.revoke(id, revocation, forget_before).await
    }
    async fn burn(
        &self,
        key: &ReplayKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.0.reached()?.burn(key, until, now).await
    }
    async fn close_session(
        &self,
        session: &SessionKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.inner.close_session(session, until, now).await
    }
    async fn is_session_closed(&self, session: &SessionKey) -> Result<bool, StoreError> {
        self.0.inner.is_session_closed(session).await
    }
}

#[async_trait]
impl SessionStore for Breakable<MemorySessions> {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.sessions()?.create(record).await
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.sessions()?.save(record).await
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.sessions()?.load(id).await
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.sessions()?.delete(id).await
    }
}

impl Breakable<MemorySessions> {
    fn sessions(&self) -> session_store::Result<&MemorySessions> {
        let reached = self.reached();
        reached.map_err(|error| session_store::Error::Backend(error.to_string()))
    }
}

#[tokio::test]
async fn a13_a_replay_store_that_cannot_answer_counts_as_a_replay() {
    let store = ReplayBroken::default();
    let switch = Arc::clone(&store.0.broken);
    let world = World::with(|builder| builder.store(store)).await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    switch.store(true, Ordering::SeqCst);
    let answer = world.browser().submit(&form).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    assert!(answer.set_cookies().is_empty());
    switch.store(false, Ordering::SeqCst);
    assert_eq!(world.browser().submit(&form).await.status, 303);
}

#[tokio::test]
async fn a_session_store_that_cannot_answer_lets_nobody_in_and_nobody_is_signed_out_by_it() {
    let sessions = Breakable::<MemorySessions>::default();
    let world = World::with(|builder| {
        let builder = builder.session_store(sessions.clone());
        builder.session_cache(Duration::ZERO)
    })
    .await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let owner = world.signed_in(&addon, "owner@example.com").await;
    sessions.switch(true);
    let answer = browser.fetch("/page").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "cannot-check")
    );
    world.clock.advance(Duration::from_secs(1));
    let answer = world
        .browser()
        .submit(&addon.sign_in_form("ann@example.com"))
        .await;
    assert_eq!(answer.status, 503);
    // A sign-out that could not be finished says so. It counts here all the same.
    let sign_out = || owner.request(reqwest::Method::POST, "/logout");
    assert_eq!(owner.send(sign_out()).await.status, 503);
    assert_eq!(world.reached(), 0);
    sessions.switch(false);
    assert_eq!(browser.fetch("/page").await.status, 200);
    assert_eq!(owner.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn a36_a_record_that_this_version_did_not_write_is_no_session() {
    let sessions = MemorySessions::default();
    let world = World::with(|builder| {
        let builder = builder.session_store(sessions.clone());
        builder.session_cache(Duration::ZERO)
    })
    .await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let id: Id = browser
        .cookie("__Host-heroku_sso")
        .unwrap()
        .parse()
        .unwrap();
    let record = sessions.load(&id).await.unwrap().unwrap();
    let grant = record.data["heroku_sso"].clone();

    let with = |name: &str, value: Value| {
        let mut grant = grant.clone();
        grant[name] = value;
        Some(grant)
    };
    for (grant, status) in [
        (None, 401),
        (Some(Value::Null), 401),
        (Some(json!("text")), 401),
        (Some(json!({})), 401),
        (with("version", json!(2)), 401),
        (with("resource", json!("../x")), 401),
        (with("email", json!(7)), 401),
        (with("expires_at", json!("soon")), 401),
        (with("proof", json!("none")), 401),
        (with("something_new", json!(true)), 200),
        (with("version", json!(1)), 200),
    ] {
        let mut altered = record.clone();
        match &grant {
            Some(grant) => altered.data.insert("heroku_sso".into(), grant.clone()),
            None => altered.data.remove("heroku_sso"),
        };
        sessions.save(&altered).await.unwrap();
        let other = world.browser();
        other.set_cookie("__Host-heroku_sso", &id.to_string());
        assert_eq!(other.fetch("/page").await.status, status, "{grant:?}");
    }
}

#[tokio::test]
async fn what_a_partner_keeps_in_the_record_outlives_an_extension() {
    let sessions = MemorySessions::default();
    let world = World::with(|builder| {
        let builder = builder.session_store(sessions.clone());
        builder.session_cache(Duration::ZERO)
    })
    .await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let id: Id = browser
        .cookie("__Host-heroku_sso")
        .unwrap()
        .parse()
        .unwrap();
    let mut record = sessions.load(&id).await.unwrap().unwrap();
    record.data.insert("theme".into(), json!("dark"));
    sessions.save(&record).await.unwrap();
    world.clock.advance(Duration::from_secs(200));
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    assert_eq!(browser.fetch("/page").await.set_cookies().len(), 1);
    let record = sessions.load(&id).await.unwrap().unwrap();
    assert_eq!(record.data["theme"], "dark");
}

#[tokio::test]
async fn signing_out_of_sessions_that_never_were_writes_nothing() {
    let store = ReplayBroken::default();
    let closed = Arc::clone(&store.1);
    let world = World::with(|builder| builder.store(store)).await;
    let addon = world.addon().await;
    for _ in 0..50 {
        let browser = world.browser();
        browser.set_cookie("__Host-heroku_sso", &Id::default().to_string());
        let out = browser.request(reqwest::Method::POST, "/logout");
        assert_eq!(browser.send(out).await.status, 204);
    }
    assert_eq!(closed.load(Ordering::SeqCst), 0);
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let out = browser.request(reqwest::Method::POST, "/logout");
    assert_eq!(browser.send(out).await.status, 204);
    assert_eq!(closed.load(Ordering::SeqCst), 1);
}
