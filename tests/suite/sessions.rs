//! Sessions are listed and ended by the partner's own code.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use heroku_addon_simulator::AddOn;
use heroku_sso_store::Store as _;
use http::{HeaderMap, Request};
use reqwest::Method;
use support::ids::AddOnExt as _;
use tower::ServiceExt as _;
use tower_heroku_sso::store::{MemoryStore, SessionKind};
use tower_heroku_sso::{
    Clock as _, Email, MemorySessions, SessionInfo, SessionsError, VerifiedEmail,
};

use crate::faulty::Faulty;
use crate::streams::{assert_ends, open, streams};
use support::browser::Browser;
use support::world::{REFRESH, UNUSED, World};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

async fn sessions_of(world: &World, addon: &AddOn) -> Vec<SessionInfo> {
    let sessions = world.sso.sessions();
    sessions.of(&addon.resource_id()).await.unwrap()
}

/// Lets the other tasks of this test run.
async fn yields() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

async fn sign_out(browser: &Browser) {
    let request = browser.request(Method::POST, "/logout");
    assert_eq!(browser.send(request).await.status, 204);
}

#[tokio::test]
async fn sessions_are_listed_latest_first() {
    let world = World::start().await;
    let addon = world.addon().await;
    let began = world.clock.now();
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(MINUTE);
    let verified = VerifiedEmail::assume_verified(email("owner@example.com"));
    let sessions = world.sso.sessions();
    let (resource, no_cookies) = (addon.resource_id(), HeaderMap::new());
    let admitted = sessions.admit(&resource, &verified, &no_cookies).await;
    drop(admitted.unwrap());

    let listed = sessions_of(&world, &addon).await;
    let said: Vec<_> = listed
        .iter()
        .map(|it| (it.email.as_str(), it.kind))
        .collect();
    assert_eq!(
        said,
        [
            ("owner@example.com", SessionKind::OwnLogin),
            ("ann@example.com", SessionKind::Browser)
        ]
    );
    let [_, of_ann] = &listed[..] else {
        unreachable!()
    };
    assert!((of_ann.signed_in_at - began).abs() < Duration::from_millis(1));
    assert_eq!(of_ann.last_seen, of_ann.signed_in_at);
    let life = of_ann.ends_at - of_ann.signed_in_at;
    assert_eq!(life, Duration::from_secs(90 * 60));
    let who = email("ann@example.com");
    let of_person = sessions.of_person(&resource, &who).await;
    assert_eq!(of_person.unwrap(), listed[1..]);
    let another = world.heroku.app("other").addon();
    assert_eq!(sessions.of(&another.resource_id()).await.unwrap(), []);

    // The name of a session is not its cookie.
    let cookie = ann.cookie("__Host-heroku_sso").unwrap();
    assert!(!format!("{listed:?}").contains(&cookie));
    let thief = world.browser();
    thief.set_cookie("__Host-heroku_sso", of_ann.id.as_str());
    assert_eq!(thief.fetch("/page").await.status, 401);

    sign_out(&ann).await;
    assert_eq!(sessions_of(&world, &addon).await, listed[..1]);
    world.clock.advance(Duration::from_secs(90 * 60));
    assert_eq!(sessions_of(&world, &addon).await, []);
}

#[tokio::test]
async fn ended_session_gets_401_and_its_stream_ends() {
    let world = World::start().await;
    let (addon, ann) = streams(&world).await;
    let events = open(&ann, "/events").await;
    world.clock.advance(SECOND);
    let elsewhere = world.signed_in(&addon, "ann@example.com").await;
    let first = sessions_of(&world, &addon).await.pop().unwrap();
    let sessions = world.sso.sessions();
    assert!(sessions.end(&first.id).await.unwrap());
    assert_ends(events).await;
    assert_eq!(ann.fetch("/events").await.status, 401);
    assert_eq!(elsewhere.fetch("/page").await.status, 200);
    assert!(!sessions.end(&first.id).await.unwrap(), "it has ended");
    assert_eq!(sessions_of(&world, &addon).await.len(), 1);
    world.clock.advance(SECOND);
    world.signed_in(&addon, "ann@example.com").await;
}

#[tokio::test]
async fn request_that_waits_for_its_list_at_the_sign_out_gets_401() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(REFRESH + SECOND);
    store.hold("set_list");
    let stored = store.calls("set_list");
    let mut request = pin!(ann.fetch("/page"));
    while store.calls("set_list") == stored {
        let answered = tokio::time::timeout(Duration::from_millis(5), &mut request).await;
        assert!(answered.is_err(), "it waits");
    }
    sign_out(&ann).await;
    store.let_pass("set_list", 10);
    assert_eq!(request.await.status, 401);
    assert_eq!(world.reached(), 0);
}

#[tokio::test]
async fn end_all_ends_the_sessions_of_one_resource() {
    let world = World::start().await;
    let (addon, ann) = streams(&world).await;
    let events = open(&ann, "/events").await;
    let owner = world.signed_in(&addon, "owner@example.com").await;
    let other = world.heroku.app("other").collaborator("ann@example.com");
    let other = other.addon();
    assert_eq!(other.provision().await.unwrap().status, 200);
    let at_other = world.signed_in(&other, "ann@example.com").await;

    let sessions = world.sso.sessions();
    sessions.end_all(&addon.resource_id()).await.unwrap();
    assert_ends(events).await;
    assert_eq!(sessions_of(&world, &addon).await, []);
    assert_eq!(owner.fetch("/page").await.problem(), "session-ended");
    assert_eq!(at_other.fetch("/page").await.status, 200);
    world.clock.advance(SECOND);
    let again = world.signed_in(&addon, "owner@example.com").await;
    assert_eq!(again.fetch("/page").await.status, 200);
    assert_eq!(sessions_of(&world, &addon).await.len(), 1);
}

#[tokio::test]
async fn end_all_of_an_unknown_resource_is_an_error() {
    let world = World::start().await;
    let unknown = world.heroku.app("unknown").addon();
    let sessions = world.sso.sessions();
    assert!(sessions.end_all(&unknown.resource_id()).await.is_err());
}

#[tokio::test]
async fn revoked_sessions_are_not_listed() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.signed_in(&addon, "ann@example.com").await;
    world.signed_in(&addon, "owner@example.com").await;
    let sessions = world.sso.sessions();
    let resource = addon.resource_id();
    sessions
        .revoke(&resource, &email("ann@example.com"))
        .await
        .unwrap();
    let listed = sessions_of(&world, &addon).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].email, email("owner@example.com"));
}

#[tokio::test]
async fn last_use_is_written_at_most_once_a_minute() {
    let store = MemoryStore::default();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let seen = async || {
        let records = store.sessions().unwrap();
        let all = records.list_sessions(&addon.resource_id(), None, 9).await;
        all.unwrap()[0].seen_at
    };
    let began = seen().await;
    for (wait, is_written) in [(59, false), (1, true), (49, false), (1, true)] {
        world.clock.advance(Duration::from_secs(wait));
        let used_at = world.clock.now();
        let expected = if is_written { used_at } else { seen().await };
        assert_eq!(ann.fetch("/page").await.status, 200);
        // The batch is written ten seconds later.
        world.clock.advance(Duration::from_secs(10));
        yields().await;
        assert_eq!(seen().await, expected, "after {wait} s");
    }
    assert!(seen().await > began);
}

/// The task that writes the uses ends with its runtime, or by a panic of the store.
#[test]
fn use_is_written_after_the_runtime_of_an_earlier_use_is_gone() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let store = MemoryStore::default();
    let kept = store.clone();
    let first = runtime();
    let (world, addon, ann) = first.block_on(async {
        let world = World::with(|builder| builder.store(kept)).await;
        let addon = world.addon().await;
        let ann = world.signed_in(&addon, "ann@example.com").await;
        (world, addon, ann)
    });
    let app = Router::new().route("/", get(|| async { "in" }));
    let app = app.layer(world.sso.layer());
    let session = ann.cookie("__Host-heroku_sso").unwrap();
    let visit = async || {
        let cookie = format!("__Host-heroku_sso={session}");
        let request = Request::get("/").header("cookie", cookie);
        let request = request.body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap().status()
    };
    world.clock.advance(MINUTE + MINUTE);
    let lost = runtime();
    assert_eq!(lost.block_on(visit()), 200);
    drop(lost);
    world.clock.advance(MINUTE + MINUTE);
    let used_at = world.clock.now();
    first.block_on(async {
        assert_eq!(visit().await, 200);
        yields().await;
        world.clock.advance(SECOND * 10);
        yields().await;
        let (records, id) = (store.sessions().unwrap(), addon.resource_id());
        let listed = records.list_sessions(&id, None, 9).await.unwrap();
        assert_eq!(listed[0].seen_at, used_at);
    });
}

#[tokio::test]
async fn request_does_not_wait_for_the_record_of_its_use() {
    let store = Faulty::default().keeping_sessions();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.fetch("/page").await.status, 200);
    store.hold("note_seen");
    for _ in 0..3 {
        world.clock.advance(MINUTE + MINUTE);
        assert_eq!(ann.fetch("/page").await.status, 200);
    }
    assert!(store.calls("note_seen") > 0, "the use is being written");
}

#[tokio::test]
async fn r7_session_in_the_store_outlasts_an_outage_of_the_store() {
    let store = Faulty::default().keeping_sessions();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.fetch("/page").await.status, 200);
    store.fail("*");
    for _ in 0..6 {
        world.clock.advance(Duration::from_secs(10));
        assert_eq!(ann.fetch("/page").await.status, 200);
    }
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 503);
    store.mend();
    assert_eq!(ann.fetch("/page").await.status, 200);
    assert_eq!(world.browser().submit(&form).await.status, 303);
}

#[tokio::test]
async fn store_alone_keeps_sessions_over_a_restart() {
    let store = MemoryStore::default();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let (_, address) = world.another_gate(|builder| builder.store(store)).await;
    assert_eq!(ann.at(address).fetch("/page").await.status, 200);
}

#[tokio::test]
async fn sessions_are_deleted_with_their_resource() {
    let store = MemoryStore::default();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(addon.deprovision().await.unwrap().status, 204);
    assert_eq!(ann.fetch("/page").await.status, 401);
    let records = store.sessions().unwrap();
    let left = records.list_sessions(&addon.resource_id(), None, 9).await;
    assert_eq!(left.unwrap(), []);
}

#[tokio::test]
async fn record_of_an_unused_session_is_deleted_from_the_store() {
    let world = World::start().await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(UNUSED);
    assert_eq!(ann.fetch("/page").await.status, 401);
    assert_eq!(sessions_of(&world, &addon).await, []);
}

#[tokio::test]
async fn used_form_leaves_no_session_behind() {
    let world = World::start().await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    let (one, two) = (world.browser(), world.browser());
    let (one, two) = tokio::join!(one.submit(&form), two.submit(&form));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403]);
    assert_eq!(sessions_of(&world, &addon).await.len(), 1);
}

#[tokio::test]
async fn given_session_store_lists_none_and_end_all_ends_them() {
    let sessions = MemorySessions::default();
    let world = World::with(|builder| builder.session_store(sessions)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let handle = world.sso.sessions();
    let listed = handle.of(&addon.resource_id()).await;
    assert!(matches!(listed, Err(SessionsError::NotListed)));
    handle.end_all(&addon.resource_id()).await.unwrap();
    assert_eq!(ann.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn erased_person_is_signed_out_until_they_sign_in_again() {
    let store = MemoryStore::default();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let owner = world.signed_in(&addon, "owner@example.com").await;
    assert_eq!(ann.fetch("/page").await.status, 200);
    world
        .sso
        .lists()
        .erase(&email("ann@example.com"))
        .await
        .unwrap();
    assert_eq!(ann.fetch("/page").await.status, 401);
    assert_eq!(owner.fetch("/page").await.status, 200);
    let stored = store.load(&addon.resource_id()).await.unwrap().unwrap();
    assert!(!format!("{stored:?}").contains("ann@example.com"));
    // Heroku's list still has her.
    world.refresh(&addon.resource_id()).await;
    let stored = store.load(&addon.resource_id()).await.unwrap().unwrap();
    assert!(format!("{stored:?}").contains("ann@example.com"));
    world.clock.advance(SECOND);
    world.signed_in(&addon, "ann@example.com").await;
}
