//! Sessions in the published stores of tower-sessions, on real databases.

use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use serde_json::json;
use support::ids::AddOnExt as _;
use tempfile::TempDir;
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::{HerokuSsoBuilder, MemorySessions};
use tower_sessions::session::Id;
use tower_sessions::{CachingSessionStore, SessionStore};
use tower_sessions_moka_store::MokaStore;
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};
use tower_sessions_sqlx_store::sqlx::{PgPool, SqlitePool};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore};

use crate::place::{Place, Postgres};
use support::browser::Browser;
use support::world::{MAX_LIST_AGE, REFRESH, UNUSED, World};

/// Runs each function as a test of every session store.
macro_rules! rules {
    ($($rule:ident)*) => {
        rules! { @store memory memory $($rule)* }
        rules! { @store sqlite sqlite $($rule)* }
        rules! { @store postgres postgres $($rule)* }
        rules! { @store redis redis $($rule)* }
        rules! { @store moka_before_redis moka_before_redis $($rule)* }
    };
    (@store $module:ident $store:ident $($rule:ident)*) => {
        mod $module {
            $(#[tokio::test]
            async fn $rule() {
                let (sessions, _kept) = super::$store().await;
                super::$rule(sessions).await;
            })*
        }
    };
}

rules! {
    session_is_opened_read_and_closed
    session_follows_its_list_without_writes
    session_of_a_removed_user_ends
    session_outlasts_a_heroku_outage
    unused_session_ends_once_its_list_is_too_old
    session_is_valid_at_every_gate_on_the_store
    a31_unknown_session_id_is_rejected
}

async fn memory() -> (MemorySessions, ()) {
    (MemorySessions::default(), ())
}

async fn sqlite() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}?mode=rwc", folder.path().join("s.db").display());
    let store = SqliteStore::new(SqlitePool::connect(&file).await.unwrap());
    store.migrate().await.unwrap();
    (store, folder)
}

async fn postgres() -> (PostgresStore, ()) {
    let url = Postgres::new().await.url;
    let store = PostgresStore::new(PgPool::connect(&url).await.unwrap());
    store.migrate().await.unwrap();
    (store, ())
}

async fn redis() -> (RedisStore<Pool>, ()) {
    let url = std::env::var("TEST_REDIS_URL");
    let url = url.expect("TEST_REDIS_URL: run by scripts/with-servers cargo test");
    let pool = Pool::new(Config::from_url(&url).unwrap(), None, None, None, 2).unwrap();
    pool.init().await.unwrap();
    (RedisStore::new(pool), ())
}

async fn moka_before_redis() -> (CachingSessionStore<MokaStore, RedisStore<Pool>>, ()) {
    let (redis, kept) = redis().await;
    (
        CachingSessionStore::new(MokaStore::new(Some(100)), redis),
        kept,
    )
}

async fn world(sessions: impl SessionStore + Clone) -> World {
    World::with(|builder| builder.session_store(sessions)).await
}

fn id(browser: &Browser) -> Id {
    browser
        .cookie("__Host-heroku_sso")
        .unwrap()
        .parse()
        .unwrap()
}

/// Another browser with this one's current cookie.
fn copy(world: &World, browser: &Browser) -> Browser {
    let copy = world.browser();
    let cookie = browser.cookie("__Host-heroku_sso").unwrap();
    copy.set_cookie("__Host-heroku_sso", &cookie);
    copy
}

async fn session_is_opened_read_and_closed(sessions: impl SessionStore + Clone) {
    let world = world(sessions.clone()).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(browser.fetch("/page").await.status, 200);
    let id = id(&browser);
    assert!(sessions.load(&id).await.unwrap().is_some());
    let copy = copy(&world, &browser);
    assert_eq!(copy.fetch("/page").await.status, 200);
    let sign_out = browser.request(reqwest::Method::POST, "/logout");
    assert_eq!(browser.send(sign_out).await.status, 204);
    // Immediately, despite the cached copy.
    assert_eq!(copy.fetch("/page").await.status, 401);
    assert!(sessions.load(&id).await.unwrap().is_none());
}

async fn session_follows_its_list_without_writes(sessions: impl SessionStore + Clone) {
    let world = world(sessions.clone()).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let id = id(&browser);
    let mut record = sessions.load(&id).await.unwrap().unwrap();
    record.data.insert("theme".into(), json!("dark"));
    sessions.save(&record).await.unwrap();
    for _ in 0..8 {
        world.clock.advance(REFRESH - Duration::from_secs(1));
        world.refresh(&addon.resource_id()).await;
    }
    let answer = browser.fetch("/page").await;
    assert_eq!((answer.status, answer.set_cookies().len()), (200, 0));
    // The record was read, but not written.
    let after = sessions.load(&id).await.unwrap().unwrap();
    assert_eq!(
        (after.data, after.expiry_date),
        (record.data, record.expiry_date)
    );
}

async fn session_of_a_removed_user_ends(sessions: impl SessionStore + Clone) {
    let world = world(sessions.clone()).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(REFRESH - Duration::from_secs(1));
    world.refresh(&addon.resource_id()).await;
    addon.app().remove("ann@example.com");
    world.clock.advance(REFRESH + Duration::from_secs(1));
    assert_eq!(browser.fetch("/page").await.status, 403);
    assert!(sessions.load(&id(&browser)).await.unwrap().is_none());
}

async fn session_outlasts_a_heroku_outage(sessions: impl SessionStore + Clone) {
    let world = world(sessions).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    world.clock.advance(MAX_LIST_AGE);
    assert_eq!(browser.fetch("/page").await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(browser.fetch("/page").await.status, 503);
    world.heroku.faults().clear_all();
    assert_eq!(browser.fetch("/page").await.status, 200);
}

async fn unused_session_ends_once_its_list_is_too_old(sessions: impl SessionStore + Clone) {
    let world = world(sessions.clone()).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(UNUSED);
    assert_eq!(browser.fetch("/page").await.status, 401);
    assert!(sessions.load(&id(&browser)).await.unwrap().is_none());
}

async fn session_is_valid_at_every_gate_on_the_store(sessions: impl SessionStore + Clone) {
    let store = MemoryStore::default();
    let both = |builder: HerokuSsoBuilder| {
        let builder = builder.store(store.clone());
        builder.session_store(sessions.clone())
    };
    let world = World::with(both).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let (_, other) = world.another_gate(both).await;
    let there = browser.at(other);
    assert_eq!(there.fetch("/page").await.status, 200);
    let sign_out = there.request(reqwest::Method::POST, "/logout");
    assert_eq!(there.send(sign_out).await.status, 204);
    // The first gate gets no event, so it may use its copy for five seconds. A caching session store needs
    // the events of a shared store, or it serves its copies until they expire.
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(browser.fetch("/page").await.status, 401);
}

async fn a31_unknown_session_id_is_rejected(sessions: impl SessionStore + Clone) {
    let world = world(sessions).await;
    let addon = world.addon().await;
    let planted = Id::default().to_string();
    let browser = world.browser();
    browser.set_cookie("__Host-heroku_sso", &planted);
    assert_eq!(browser.fetch("/page").await.status, 401);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(browser.submit(&form).await.status, 303);
    assert_ne!(browser.cookie("__Host-heroku_sso").unwrap(), planted);
    let thief = world.browser();
    thief.set_cookie("__Host-heroku_sso", &planted);
    assert_eq!(thief.fetch("/page").await.status, 401);
}
