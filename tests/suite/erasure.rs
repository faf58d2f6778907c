//! A person is erased while work that knows them is in progress.

use std::time::Duration;

use support::ids::AddOnExt as _;
use support::world::World;
use tower_heroku_sso::Email;
use tower_heroku_sso::store::author::{SessionRecords as _, Store as _};

use crate::faulty::Faulty;

/// A sign-in and a fetch are over by then.
const UNDER_WAY: Duration = Duration::from_secs(80);

fn ann() -> Email {
    "ann@example.com".parse().unwrap()
}

/// Waits until the condition holds.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    let met = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    met.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn erasure_during_a_sign_in_leaves_no_session() {
    let store = Faulty::default().keeping_sessions();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept)).await;
    let addon = world.addon().await;
    let id = addon.resource_id();
    let stored = async || store.list_sessions(&id, None, 9).await.unwrap().len();

    store.hold("insert_session");
    let (browser, form) = (world.browser(), addon.sign_in_form("ann@example.com"));
    let signing_in = tokio::spawn(async move { (browser.submit(&form).await.status, browser) });
    let is_held = async || store.calls("insert_session") > 0;
    until("the sign-in stores its session", is_held).await;
    addon.app().remove("ann@example.com");
    world.sso.lists().erase(&ann()).await.unwrap();
    store.let_pass("insert_session", 1);
    let (status, browser) = signing_in.await.unwrap();
    assert_eq!((status, stored().await), (303, 1));

    world.clock.advance(UNDER_WAY);
    until("the session stays", async || stored().await == 0).await;
    assert_eq!(browser.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn erasure_during_a_fetch_leaves_no_entry_in_the_list() {
    let store = Faulty::default();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept)).await;
    let addon = world.addon().await;
    let id = addon.resource_id();
    world.refresh(&id).await;
    let is_stored = async || {
        let stored = store.load(&id).await.unwrap().unwrap();
        format!("{stored:?}").contains("ann@example.com")
    };
    assert!(is_stored().await);

    let calls = store.calls("set_list");
    store.hold("set_list");
    let (lists, again) = (world.sso.lists().clone(), id);
    let fetching = tokio::spawn(async move { lists.refresh(&again).await });
    let is_held = async || store.calls("set_list") > calls;
    until("the fetch stores its list", is_held).await;
    addon.app().remove("ann@example.com");
    world.sso.lists().erase(&ann()).await.unwrap();
    assert!(!is_stored().await);
    store.let_pass("set_list", 1);
    fetching.await.unwrap().unwrap();
    until("the fetch has stored her again", is_stored).await;

    world.clock.advance(UNDER_WAY);
    until("her entry stays", async || !is_stored().await).await;
}
