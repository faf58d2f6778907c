//! Webhooks and the fetches that they trigger in a busy fleet.

use std::pin::pin;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heroku_addon_simulator::{AddOn, Endpoint, Fault, Simulator};
use serde_json::json;
use support::ids::AddOnExt as _;
use tower_heroku_sso::jwt::{JwtKey, JwtKeys};
use tower_heroku_sso::{CookieSessions, HerokuSsoBuilder, MemorySessions, WebhookSecret, Webhooks};

use crate::absences::{HOUR, make_dormant, patient};
use crate::faulty::Faulty;
use crate::webhooks::{SECRET, collaborator, send};
use support::world::{World, grant};

const COOKIE: &str = "__Host-heroku_sso";

fn with_webhooks(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
    builder.webhooks(Webhooks::new(WebhookSecret::new(SECRET).unwrap()))
}

fn was_asked(heroku: &Simulator, addon: &AddOn) -> bool {
    let path = format!("/addons/{}", addon.resource_id());
    heroku
        .calls()
        .requests()
        .iter()
        .any(|request| request.path == path)
}

#[tokio::test]
async fn list_changed_by_webhook_is_fetched_before_unused_lists() {
    let world = World::with_heroku(
        |heroku| heroku.rate_pool(360, 6).enforce_rate_limit(true),
        with_webhooks,
    )
    .await;
    let mut addons = Vec::new();
    for number in 0..100 {
        let addon = world.heroku.app(&format!("app-{number}")).addon();
        let resource = world.register(&addon).await;
        world.refresh(&resource).await;
        addons.push(addon);
        // The pool refills and the list ages.
        world.clock.advance(Duration::from_secs(360));
    }
    // All lists are due, and half of the pool is reserved for lists in use.
    world.clock.advance(Duration::from_secs(6 * 3600));
    world.heroku.calls().clear();
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    let waiting: Vec<_> = addons
        .iter()
        .filter(|addon| !was_asked(&world.heroku, addon))
        .collect();
    assert!(waiting.len() > 20, "{}", waiting.len());
    // The list that would come last gets two webhooks.
    let last = waiting.last().unwrap();
    let calls = world.heroku.calls().count(Endpoint::AddOn);
    for event in ["1", "2"] {
        world.clock.advance(Duration::from_secs(1));
        let event = collaborator(last, "create", "bob@example.com", event);
        assert_eq!(send(&world, &event).await, 204);
    }
    world.quiet_for(Duration::from_millis(100)).await;
    assert!(
        was_asked(&world.heroku, last),
        "it does not wait for the pool"
    );
    let asked = world.heroku.calls().count(Endpoint::AddOn) - calls;
    assert!(asked <= 2, "fetches of other lists: {asked}");
    sync.shutdown().await;
}

/// A world on a store where another process saved the list of an app with one collaborator, Ann.
async fn taken_over(store: &Faulty) -> (World, AddOn) {
    let world = World::with(|builder| with_webhooks(builder.store(store.clone()))).await;
    let (other, _) = world
        .another_gate(|builder| builder.store(store.another()))
        .await;
    let app = world.heroku.app("shop").collaborator("ann@example.com");
    let addon = app.addon();
    let resource = addon.resource_id();
    other
        .resources()
        .register(&resource, grant(&addon))
        .await
        .unwrap();
    addon.mark_provisioned();
    other.lists().refresh(&resource).await.unwrap();
    (world, addon)
}

#[tokio::test]
async fn webhook_during_initial_load_gets_503_then_succeeds() {
    let store = Faulty::default();
    let (world, addon) = taken_over(&store).await;
    store.fail("load_page");
    let sync = world.sso.spawn_sync();
    while store.calls("load_page") == 0 {
        tokio::task::yield_now().await;
    }
    addon.app().remove("ann@example.com");
    let event = collaborator(&addon, "destroy", "ann@example.com", "1");
    assert_eq!(send(&world, &event).await, 503);
    store.mend();
    world.clock.advance(Duration::from_secs(5));
    world.quiet().await;
    assert_eq!(send(&world, &event).await, 204);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 403);
    sync.shutdown().await;
}

/// Such records would accumulate.
#[tokio::test]
async fn removal_of_unlisted_email_is_not_recorded() {
    let store = Faulty::default();
    let (world, addon) = taken_over(&store).await;
    world.signed_in(&addon, "ann@example.com").await;
    for (who, pending_removals) in [("unlisted@example.com", 0), ("ann@example.com", 1)] {
        let event = collaborator(&addon, "destroy", who, who);
        assert_eq!(send(&world, &event).await, 204);
        assert_eq!(
            store.calls("note_pending_removal"),
            pending_removals,
            "{who}"
        );
    }
}

#[tokio::test]
async fn webhook_for_unknown_resource_loads_it_from_the_store() {
    let store = Faulty::default();
    let (world, addon) = taken_over(&store).await;
    world.heroku.calls().clear();
    let id = addon.resource_id().to_string();
    let event = json!({ "id": "1", "resource": "addon", "data": { "id": id } });
    store.fail("load");
    assert_eq!(send(&world, &event).await, 503, "the store is unavailable");
    store.mend();
    assert_eq!(send(&world, &event).await, 204);
    world.quiet_for(Duration::from_millis(100)).await;
    assert!(was_asked(&world.heroku, &addon));
}

#[tokio::test]
async fn pending_removal_outlives_the_process_that_received_it() {
    let store = Faulty::default();
    let sessions = MemorySessions::default();
    let with = |store: &Faulty| {
        let (store, sessions) = (store.clone(), sessions.clone());
        move |builder: HerokuSsoBuilder| with_webhooks(builder.store(store).session_store(sessions))
    };
    let world = World::with(with(&store)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    addon.app().remove("ann@example.com");
    world.heroku.faults().set(Endpoint::Any, Fault::Status(500));
    let event = collaborator(&addon, "destroy", "ann@example.com", "1");
    store.fail("note_pending_removal");
    assert_eq!(
        send(&world, &event).await,
        503,
        "Heroku has to send it again"
    );
    store.mend();
    assert_eq!(send(&world, &event).await, 204);

    // Another process loads the earlier list from the store.
    let (next, address) = world.another_gate(with(&store.another())).await;
    let _sync = next.spawn_sync();
    assert_eq!(ann.at(address).fetch("/page").await.status, 503);
    world.clock.advance(Duration::from_secs(1));
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().at(address).submit(&form).await.status, 503);
    world.heroku.faults().clear_all();
    assert_eq!(ann.at(address).fetch("/page").await.status, 403);
}

#[tokio::test]
async fn sign_out_wins_over_a_request_that_waits_for_a_list() {
    let store = Faulty::default();
    let key = JwtKey::hs256_base64(&STANDARD.encode(std::array::from_fn::<u8, 32, _>(|n| n as u8)))
        .unwrap();
    let world = World::with(|builder| {
        let builder = with_webhooks(builder.store(store.clone()));
        builder.session_store(CookieSessions::new(JwtKeys::new(key)))
    })
    .await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let with = |cookie: &str| {
        let browser = world.browser();
        browser.set_cookie(COOKIE, cookie);
        browser
    };
    let cookie = ann.cookie(COOKIE).unwrap();
    world.clock.advance(Duration::from_secs(100));
    // Her removal is pending, and Heroku is unavailable.
    world.heroku.faults().set(Endpoint::Any, Fault::Status(500));
    let event = collaborator(&addon, "destroy", "ann@example.com", "1");
    assert_eq!(send(&world, &event).await, 204);
    world.quiet_for(Duration::from_millis(100)).await;
    world.heroku.faults().clear_all();
    world.clock.advance(Duration::from_secs(60));
    // Her request starts a fetch, which is held.
    let begun = store.calls("next_sequence");
    store.hold("next_sequence");
    let waits = async {
        while store.calls("next_sequence") == begun {
            tokio::task::yield_now().await;
        }
    };
    let sign_out = async {
        let waits = tokio::time::timeout(Duration::from_secs(60), waits);
        waits.await.expect("her request starts a fetch");
        let other = with(&cookie);
        let out = other.request(reqwest::Method::POST, "/logout");
        assert_eq!(other.send(out).await.status, 204);
        store.let_pass("next_sequence", 10);
    };
    let (answer, ()) = tokio::join!(ann.fetch("/page"), sign_out);
    assert_eq!(answer.status, 401, "it waited");
    assert!(answer.set_cookies().is_empty());
}

/// The fetch that revives the resource began before the webhook, so its list does not answer it.
#[tokio::test]
async fn pending_removal_outlasts_the_fetch_that_revives_a_resource() {
    let store = Faulty::default();
    let world = World::with(|builder| with_webhooks(patient(builder).store(store.clone()))).await;
    let addon = world.addon().await;
    addon.app().collaborator("bob@example.com");
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let bob = world.signed_in(&addon, "bob@example.com").await;
    make_dormant(&world, &addon).await;
    addon.mark_provisioned();
    world.clock.advance(HOUR);
    // Bob's request starts the fetch, which is held before it calls Heroku.
    store.hold("get");
    let asked = store.calls("get");
    let mut of_bob = pin!(bob.fetch("/page"));
    let moment = Duration::from_millis(500);
    while store.calls("get") == asked {
        let answered = tokio::time::timeout(moment / 100, &mut of_bob).await;
        assert!(answered.is_err(), "he waits");
    }
    // Ann was removed and added again: only a newer list can tell.
    let event = collaborator(&addon, "destroy", "ann@example.com", "1");
    assert_eq!(send(&world, &event).await, 204);
    let mut of_ann = pin!(ann.fetch("/page"));
    let answered = tokio::time::timeout(moment, &mut of_ann).await;
    assert!(answered.is_err(), "she waits for the same fetch");
    store.let_pass("get", 10);
    assert_eq!(of_bob.await.status, 200);
    assert_eq!(of_ann.await.status, 503, "her state is unknown");
    assert_eq!(ann.fetch("/page").await.status, 200);
}
