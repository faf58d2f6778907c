//! Stores that fail, and altered records.

use std::time::Duration;

use heroku_sso_store::{Dated, Registration, Sequence, Store as _};
use serde_json::{Value, json};
use support::faulty_sessions::{FaultySessions, Trouble};
use support::ids::AddOnExt as _;
use time::OffsetDateTime;
use tokio::time::timeout;
use tower_heroku_sso::access::{App, People, ResourceList, Team};
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::{MemorySessions, ResourceId, TeamId};
use tower_sessions::SessionStore;
use tower_sessions::session::Id;

use crate::faulty::Faulty;
use crate::streams;
use support::world::{MAX_LIST_AGE, REFRESH, World};

/// A world on these two stores.
async fn kept_in(store: &Faulty, sessions: &(impl SessionStore + Clone)) -> World {
    World::with(|builder| {
        let builder = builder.store(store.clone());
        builder.session_store(sessions.clone())
    })
    .await
}

/// The members of its team are data of the resource, too.
#[tokio::test]
async fn erased_resource_leaves_no_team_members_in_memory() {
    let store = MemoryStore::default();
    let (erased, other) = (resource(1), resource(2));
    let (own, shared) = (
        Team::new(team("own"), "own"),
        Team::new(team("shared"), "shared"),
    );
    for (id, team) in [(erased, own), (other, shared)] {
        let registration = Registration::active(None);
        assert!(store.put(&id, registration).await.unwrap());
        let list = ResourceList::new("an-addon", app(), People::default());
        let list = list.with_team(team.clone());
        store.set_list(&id, dated(list)).await.unwrap();
        let members = dated(People::default());
        store.set_members(&team.id, members).await.unwrap();
    }
    store.erase(&erased).await.unwrap();
    assert_eq!(store.members(&team("own")).await.unwrap(), None);
    assert!(store.members(&team("shared")).await.unwrap().is_some());
}

fn resource(number: u128) -> ResourceId {
    uuid::Uuid::from_u128(number).into()
}

fn team(id: &str) -> TeamId {
    id.parse().unwrap()
}

fn app() -> App {
    App::new("app-1".parse().unwrap(), "shop")
}

fn dated<T>(value: T) -> Dated<T> {
    let now = OffsetDateTime::now_utc();
    Dated::new(value, Sequence::new(1), now, Duration::ZERO)
}

#[tokio::test]
async fn a13_unavailable_replay_store_rejects_the_sign_in() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    store.fail("consume");
    let answer = world.browser().submit(&form).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    assert!(answer.set_cookies().is_empty());
    store.mend();
    assert_eq!(world.browser().submit(&form).await.status, 303);
}

#[tokio::test]
async fn unavailable_session_store_rejects_requests_and_keeps_sessions() {
    let sessions = FaultySessions::default();
    let world = World::with(|builder| {
        let builder = builder.session_store(sessions.clone());
        builder.session_cache(Duration::ZERO)
    })
    .await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let owner = world.signed_in(&addon, "owner@example.com").await;
    sessions.set(Trouble::Fails);
    let answer = browser.fetch("/page").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "cannot-check")
    );
    world.clock.advance(Duration::from_secs(1));
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 503);
    // A sign-out that could not be stored answers 503, but ends the session in this process.
    let sign_out = || owner.request(reqwest::Method::POST, "/logout");
    assert_eq!(owner.send(sign_out()).await.status, 503);
    assert_eq!(world.reached(), 0);
    sessions.set(Trouble::None);
    assert_eq!(browser.fetch("/page").await.status, 200);
    assert_eq!(owner.fetch("/page").await.status, 401);
    // The failed attempt did not consume the form.
    assert_eq!(world.browser().submit(&form).await.status, 303);
    assert_eq!(world.browser().submit(&form).await.status, 403);
}

#[tokio::test]
async fn a36_altered_session_record_is_rejected() {
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
        (with("version", json!(1)), 401),
        (with("version", json!(4)), 401),
        (with("resource", json!("../x")), 401),
        (with("email", json!(7)), 401),
        (with("began", json!("lately")), 401),
        (with("proof", json!("none")), 401),
        (with("something_new", json!(true)), 200),
        (with("version", json!(3)), 200),
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
async fn partner_data_in_the_session_record_is_kept() {
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
    world.refresh(&addon.resource_id()).await;
    assert_eq!(browser.fetch("/page").await.status, 200);
    let after = sessions.load(&id).await.unwrap().unwrap();
    assert_eq!(after, record);
}

#[tokio::test]
async fn sign_out_of_unknown_session_writes_nothing() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.addon().await;
    for _ in 0..50 {
        let browser = world.browser();
        browser.set_cookie("__Host-heroku_sso", &Id::default().to_string());
        let out = browser.request(reqwest::Method::POST, "/logout");
        assert_eq!(browser.send(out).await.status, 204);
    }
    assert_eq!(store.calls("close_session"), 0);
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let out = browser.request(reqwest::Method::POST, "/logout");
    assert_eq!(browser.send(out).await.status, 204);
    assert_eq!(store.calls("close_session"), 1);
}

#[tokio::test]
async fn r7_sessions_outlast_a_store_outage() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let sync = world.sso.spawn_sync();
    store.fail("*");
    world.clock.advance(MAX_LIST_AGE);
    assert_eq!(ann.fetch("/page").await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(ann.fetch("/page").await.status, 503);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 503);
    store.mend();
    world.clock.advance(Duration::from_secs(60));
    world.quiet().await;
    assert_eq!(
        world.browser().submit(&form).await.status,
        303,
        "the form was not consumed"
    );
    assert_eq!(ann.fetch("/page").await.status, 200);
    sync.shutdown().await;
}

#[tokio::test]
async fn sign_out_deletes_the_record_when_the_store_fails() {
    let (store, sessions) = (Faulty::default(), MemorySessions::default());
    let world = kept_in(&store, &sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let cookie = ann.cookie("__Host-heroku_sso").unwrap();
    store.fail("close_session");
    let sign_out = ann.request(reqwest::Method::POST, "/logout");
    assert_eq!(ann.send(sign_out).await.status, 204);
    // Another process, which got no event.
    let (_next, address) = world
        .another_gate(|builder| builder.store(store.another()).session_store(sessions))
        .await;
    let ann = ann.at(address);
    ann.set_cookie("__Host-heroku_sso", &cookie);
    assert_eq!(ann.fetch("/page").await.status, 401);
}

/// During an outage the last answer of the session store is used.
#[tokio::test]
async fn deleted_record_is_not_served_from_cache_in_an_outage() {
    let sessions = FaultySessions::default();
    let world = World::with(|builder| builder.session_store(sessions.clone())).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let cookie = ann.cookie("__Host-heroku_sso").unwrap();
    assert_eq!(ann.fetch("/page").await.status, 200);
    // Deleted in the store, without an event.
    sessions.delete(&cookie.parse().unwrap()).await.unwrap();
    world.clock.advance(Duration::from_secs(6));
    let again = || {
        let browser = world.browser();
        browser.set_cookie("__Host-heroku_sso", &cookie);
        async move { browser.fetch("/page").await.status }
    };
    assert_eq!(again().await, 401);
    sessions.set(Trouble::Fails);
    assert_eq!(again().await, 503);
}

#[tokio::test]
async fn session_store_outage_ends_no_session_with_a_fresh_list() {
    let (store, sessions) = (Faulty::default(), FaultySessions::default());
    let world = kept_in(&store, &sessions).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.fetch("/page").await.status, 200);
    sessions.set(Trouble::Fails);
    for _ in 0..10 {
        world.clock.advance(REFRESH - Duration::from_secs(1));
        world.refresh(&addon.resource_id()).await;
        assert_eq!(ann.fetch("/page").await.status, 200);
    }
    addon.app().remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    assert_eq!(ann.fetch("/page").await.status, 403);
}

#[tokio::test]
async fn silent_session_store_delays_no_stream_end_and_no_response() {
    let sessions = FaultySessions::default();
    let world = World::with(|builder| builder.session_store(sessions.clone())).await;
    let (addon, ann) = streams::streams(&world).await;
    let stream = streams::open(&ann, "/events").await;
    sessions.set(Trouble::Hangs);
    world.clock.advance(REFRESH);
    addon.app().remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    streams::assert_ends(stream).await;
    let answer = timeout(Duration::from_secs(5), ann.fetch("/events")).await;
    // Decided by the cached copy of her session.
    assert_eq!(answer.expect("an answer").status, 403);
}

#[tokio::test]
async fn c17_silent_session_store_delays_sign_in_and_sign_out_by_seconds() {
    let sessions = FaultySessions::default();
    let world = World::with(|builder| builder.session_store(sessions.clone())).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let cookie = browser.cookie("__Host-heroku_sso").unwrap();
    world.clock.advance(Duration::from_secs(1));
    let form = addon.sign_in_form("ann@example.com");
    let inner = tower::service_fn(|_| async {
        Ok::<_, std::convert::Infallible>(axum::response::Response::new(axum::body::Body::empty()))
    });
    let gate = tower::Layer::layer(&world.sso.layer(), inner);
    let sign_in = axum::http::Request::post("/heroku/sso")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(form.body()));
    let sign_out = axum::http::Request::post("/logout")
        .header("cookie", format!("__Host-heroku_sso={cookie}"))
        .header("sec-fetch-site", "same-origin")
        .body(axum::body::Body::empty());

    sessions.set(Trouble::Hangs);
    // The list is fresh, so no socket is involved and paused time can advance.
    tokio::time::pause();
    for request in [sign_in, sign_out] {
        let started = tokio::time::Instant::now();
        let answer = tower::ServiceExt::oneshot(gate.clone(), request.unwrap()).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
        assert!(started.elapsed() < Duration::from_secs(16));
    }
}
