//! A person is erased while work that knows them is in progress.

use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use heroku_sso_store::{SessionRecords as _, Store as _};
use support::ids::AddOnExt as _;
use support::world::{REFRESH, World};
use tower_heroku_sso::{Email, ResourceId};

use crate::attached_apps::{BEN, attached, next_refresh, page, refresh, shared_addon};
use crate::faulty::Faulty;

/// The longest time of a sign-in or a fetch that is in progress.
const UNDER_WAY: Duration = Duration::from_secs(80);

fn ann() -> Email {
    "ann@example.com".parse().unwrap()
}

async fn is_stored(store: &Faulty, id: &ResourceId, email: &str) -> bool {
    let stored = store.load(id).await.unwrap().unwrap();
    format!("{stored:?}").contains(email)
}

/// Erases a person, and waits for the second erasure, which the crate makes after work in progress.
async fn erase(world: &World, store: &Faulty, email: &str) {
    let erasures = store.calls("erase_person");
    world
        .sso
        .lists()
        .erase(&email.parse().unwrap())
        .await
        .unwrap();
    world.clock.advance(UNDER_WAY);
    let is_over = async || store.calls("erase_person") == erasures + 2;
    until("nothing is erased again", is_over).await;
}

/// Waits until the condition holds.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
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

#[tokio::test]
async fn reading_of_attached_apps_stores_no_erased_collaborator() {
    reading_stores_no_erased_collaborator(true).await;
}

/// The newest lists are in memory only.
#[tokio::test]
async fn reading_of_attached_apps_stores_no_erased_person_of_an_unstored_list() {
    reading_stores_no_erased_collaborator(false).await;
}

async fn reading_stores_no_erased_collaborator(lists_are_stored: bool) {
    let store = Faulty::default();
    let kept = store.clone();
    let world = World::with(|builder| attached(builder).store(kept)).await;
    let (addon, _bank) = shared_addon(&world).await;
    let id = addon.resource_id();
    let ben = world.signed_in(&addon, BEN).await;
    let sync = world.sso.spawn_sync();
    let faults = world.heroku.faults();
    faults.set(Endpoint::AttachedCollaborators, Fault::Status(500));
    if !lists_are_stored {
        store.fail("set_list");
    }
    // Until the answer about attached apps is too old.
    for expected in [200, 200, 200, 503] {
        next_refresh(&world).await;
        assert_eq!(page(&ben).await, expected);
    }
    sync.shutdown().await;
    store.mend();
    assert!(is_stored(&store, &id, "ann@example.com").await);
    addon.app().remove("ann@example.com");
    erase(&world, &store, "ann@example.com").await;
    assert!(!is_stored(&store, &id, "ann@example.com").await);

    faults.clear_all();
    let (calls, stored) = (world.heroku.calls(), store.calls("set_list"));
    calls.clear();
    assert_eq!(page(&ben).await, 200);
    assert_eq!(calls.count(Endpoint::Collaborators), 0);
    assert_eq!(store.calls("set_list"), stored + 1);
    assert!(!is_stored(&store, &id, "ann@example.com").await);
    assert!(is_stored(&store, &id, BEN).await);
}

#[tokio::test]
async fn own_list_fetch_stores_no_erased_person_of_an_attached_app() {
    own_list_fetch_stores_no_erased_person(true).await;
}

/// The newest answer about attached apps is in memory only.
#[tokio::test]
async fn own_list_fetch_stores_no_erased_person_of_an_unstored_reading() {
    own_list_fetch_stores_no_erased_person(false).await;
}

async fn own_list_fetch_stores_no_erased_person(reading_is_stored: bool) {
    let store = Faulty::default();
    let kept = store.clone();
    let world = World::with(|builder| attached(builder).store(kept)).await;
    let (addon, bank) = shared_addon(&world).await;
    let id = addon.resource_id();
    refresh(&world, &addon).await;
    if !reading_is_stored {
        store.fail("set_list");
        refresh(&world, &addon).await;
        store.mend();
    }
    assert!(is_stored(&store, &id, BEN).await);
    bank.detach(&addon);
    erase(&world, &store, BEN).await;
    assert!(!is_stored(&store, &id, BEN).await);

    world.clock.advance(REFRESH);
    let calls = world.heroku.calls();
    calls.clear();
    world.signed_in(&addon, "ann@example.com").await;
    let count = |endpoint| calls.count(endpoint);
    assert_eq!([Endpoint::AddOn, Endpoint::Attachments].map(count), [1, 0]);
    assert!(!is_stored(&store, &id, BEN).await);
}
