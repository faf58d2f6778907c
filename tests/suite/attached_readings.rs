//! How attached apps are read: apart from the rest of the list, within budgets, and not forgotten.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, App, Endpoint, Fault};
use support::browser::Browser;
use support::world::{REFRESH, World};
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::{HerokuSsoBuilder, MemorySessions, WebhookSecret, Webhooks};

use crate::attached_apps::{
    BEN, attached, explain, is_listed, next_refresh, page, refresh, shared_addon, sign_in,
};
use crate::log::Log;
use crate::webhooks::{SECRET, send};

const ANN: &str = "ann@example.com";
const AMY: &str = "amy@example.com";

fn calls(world: &World) -> [usize; 2] {
    let count = |endpoint| world.heroku.calls().count(endpoint);
    [count(Endpoint::AddOn), count(Endpoint::Attachments)]
}

fn detached(addon: &AddOn, app: &App) -> serde_json::Value {
    serde_json::json!({
        "id": "1", "action": "destroy", "resource": "addon-attachment",
        "data": { "addon": { "id": addon.id() }, "app": { "id": app.id() } },
    })
}

async fn eventually(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, waiting)
        .await
        .expect("it becomes so");
}

#[tokio::test]
async fn hanging_attached_app_delays_no_user_of_the_own_app() {
    let world = World::with(attached).await;
    let (addon, _bank) = shared_addon(&world).await;
    world
        .heroku
        .faults()
        .set(Endpoint::AttachedCollaborators, Fault::Hang);
    let _sync = world.sso.spawn_sync();
    // The call times out after 10 s of real time.
    let limit = Duration::from_secs(5);
    let ann = tokio::time::timeout(limit, world.signed_in(&addon, ANN));
    let ann = ann.await.unwrap();
    world.clock.advance(REFRESH + Duration::from_secs(1));
    let status = tokio::time::timeout(limit, page(&ann)).await;
    assert_eq!(status.unwrap(), 200);
}

#[tokio::test]
async fn own_list_stays_fresh_while_attached_apps_cannot_be_read() {
    let world = World::with(attached).await;
    let (addon, _bank) = shared_addon(&world).await;
    addon.app().collaborator(AMY);
    let (amy, ben) = (
        world.signed_in(&addon, AMY).await,
        world.signed_in(&addon, BEN).await,
    );
    let ann = world.signed_in(&addon, ANN).await;
    let sync = world.sso.spawn_sync();
    let faults = world.heroku.faults();
    faults.set(Endpoint::AttachedCollaborators, Fault::Status(500));
    next_refresh(&world).await;
    addon.app().remove(AMY);
    let is_amy_listed = || async { is_listed(&world, &addon, AMY).await };
    for expected in [200, 200, 503] {
        next_refresh(&world).await;
        assert!(!is_amy_listed().await);
        assert_eq!(page(&ben).await, expected);
        assert_eq!(page(&ann).await, 200);
    }
    assert_eq!(page(&amy).await, 403);
    sync.shutdown().await;
    let explained = explain(&world, &addon, BEN).await;
    assert!(
        explained.contains("the answer about attached apps is too old"),
        "{explained}"
    );

    // As an old list does, the old answer makes one request ask Heroku.
    faults.clear_all();
    world.clock.advance(Duration::from_secs(60));
    world.heroku.calls().clear();
    assert_eq!(page(&ben).await, 200);
    assert_eq!(calls(&world), [0, 1]);
    assert_eq!(page(&ben).await, 200);
    assert_eq!(calls(&world), [0, 1]);
}

#[tokio::test]
async fn failed_reading_is_not_repeated_by_each_request() {
    let world = World::with(attached).await;
    let (addon, _bank) = shared_addon(&world).await;
    let ben = world.signed_in(&addon, BEN).await;
    let _sync = world.sso.spawn_sync();
    let faults = world.heroku.faults();
    faults.set(Endpoint::Attachments, Fault::Status(500));
    for expected in [200, 200, 200, 503] {
        next_refresh(&world).await;
        assert_eq!(page(&ben).await, expected);
    }
    world.heroku.calls().clear();
    for _ in 1..=5 {
        let answer = ben.fetch("/page").await;
        assert_eq!(answer.status, 503);
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(calls(&world), [0, 0]);
}

#[tokio::test]
async fn unlisted_emails_read_attached_apps_within_a_budget() {
    let world = World::with(attached).await;
    let (addon, bank) = shared_addon(&world).await;
    refresh(&world, &addon).await;
    world.heroku.calls().clear();
    for _ in 1..=5 {
        assert_eq!(sign_in(&world, &addon, "eve@example.com").await, 403);
    }
    assert_eq!(calls(&world), [5, 1]);
    bank.collaborator(AMY);
    assert_eq!(sign_in(&world, &addon, AMY).await, 403);
    // The reading took two calls, which is 20 s.
    world.clock.advance(Duration::from_secs(20));
    assert_eq!(sign_in(&world, &addon, AMY).await, 303);
    assert_eq!(calls(&world), [7, 2]);
}

#[tokio::test]
async fn expensive_readings_of_one_add_on_do_not_delay_others() {
    let world = World::with(attached).await;
    let (expensive, bank) = shared_addon(&world).await;
    for number in 0..30 {
        bank.collaborator(&format!("person-{number}@example.com"));
    }
    let park = world.heroku.app("park").owner(ANN);
    let other = park.addon();
    assert_eq!(other.provision().await.unwrap().status, 200);
    bank.attach(&other);
    refresh(&world, &expensive).await;
    refresh(&world, &other).await;
    world.heroku.settings().set_page_size(1);
    for _ in 1..=60 {
        assert_eq!(sign_in(&world, &expensive, "eve@example.com").await, 403);
        world.clock.advance(Duration::from_secs(10));
    }
    // Each reading takes more than 30 calls, which is more than 5 minutes.
    assert!(world.heroku.calls().count(Endpoint::Attachments) <= 6);
    world.heroku.calls().clear();
    bank.collaborator(AMY);
    assert_eq!(sign_in(&world, &other, AMY).await, 303);
}

#[tokio::test]
async fn webhook_about_an_attachment_waits_for_a_reading() {
    let secret = WebhookSecret::new(SECRET).unwrap();
    let world = World::with(|builder| attached(builder).webhooks(Webhooks::new(secret))).await;
    let (addon, bank) = shared_addon(&world).await;
    let ben = world.signed_in(&addon, BEN).await;
    let _sync = world.sso.spawn_sync();
    world.quiet().await;
    let faults = world.heroku.faults();
    faults.set(Endpoint::Attachments, Fault::Status(500));
    bank.detach(&addon);
    world.heroku.calls().clear();
    assert_eq!(send(&world, &detached(&addon, &bank)).await, 204);
    world.quiet().await;
    // The rest of the list was fetched, as by another process: that is no answer about attachments.
    let [lists, readings] = calls(&world);
    assert!(lists >= 1 && readings >= 1, "{lists}, {readings}");
    assert_eq!(page(&ben).await, 200);
    faults.clear_all();
    world.clock.advance(Duration::from_secs(100));
    eventually(async || !is_listed(&world, &addon, BEN).await).await;
    assert_eq!(page(&ben).await, 403);
    world.quiet().await;
    world.heroku.calls().clear();
    world.clock.advance(Duration::from_secs(1));
    world.quiet().await;
    assert_eq!(calls(&world), [0, 0]);
}

#[tokio::test]
async fn new_attachments_displace_no_app_that_was_read() {
    let log = Log::listen();
    let world = World::with(attached).await;
    let addon = world.addon().await;
    let attach = |from: usize| {
        for number in from..from + 15 {
            let app = world.heroku.app(&format!("app-{number}"));
            app.owner(&format!("owner-{number}@example.com"))
                .attach(&addon);
        }
    };
    attach(0);
    refresh(&world, &addon).await;
    attach(15);
    refresh(&world, &addon).await;
    for number in 0..15 {
        let email = format!("owner-{number}@example.com");
        assert!(is_listed(&world, &addon, &email).await, "{email}");
    }
    let explained = explain(&world, &addon, "owner-29@example.com").await;
    assert!(
        explained.contains("attached apps left out, as there are too many: 10"),
        "{explained}"
    );
    assert_eq!(log.with(&["too many apps"]).len(), 1, "{log:?}");
}

#[tokio::test]
async fn after_sixty_calls_no_further_app_is_read() {
    let world = World::with(attached).await;
    world.heroku.settings().set_page_size(1);
    let (addon, bank) = shared_addon(&world).await;
    let park = world.heroku.app("park").owner("pia@example.com");
    park.attach(&addon);
    for (app, name) in [(&bank, "bank"), (&park, "park")] {
        for number in 0..60 {
            app.collaborator(&format!("{name}-{number}@example.com"));
        }
    }
    refresh(&world, &addon).await;
    let explained = explain(&world, &addon, ANN).await;
    assert!(explained.contains("left out"), "{explained}");
    assert!(explained.contains("with people: 1"), "{explained}");
}

#[tokio::test]
async fn refused_app_is_asked_twice_before_its_people_leave() {
    let world = World::with(attached).await;
    let (addon, _bank) = shared_addon(&world).await;
    let ann = world.signed_in(&addon, ANN).await;
    for status in [403, 404, 410] {
        let ben = world.signed_in(&addon, BEN).await;
        let faults = world.heroku.faults();
        let refused = Fault::Status(status);
        faults.set_times(Endpoint::AttachedCollaborators, refused.clone(), 1);
        refresh(&world, &addon).await;
        assert!(is_listed(&world, &addon, BEN).await, "{status}");
        assert_eq!(page(&ben).await, 200);
        faults.set(Endpoint::AttachedCollaborators, refused);
        refresh(&world, &addon).await;
        assert!(!is_listed(&world, &addon, BEN).await, "{status}");
        // Nothing else is lost, and one answer brings its people back.
        assert_eq!(page(&ann).await, 200);
        assert!(world.sso.resources().dormant().is_empty());
        faults.clear_all();
        world.clock.advance(Duration::from_secs(60));
        refresh(&world, &addon).await;
        assert!(is_listed(&world, &addon, BEN).await, "{status}");
    }
}

/// A list that was stored before the setting was on.
async fn list_without_attached_apps(
    with: impl Fn(HerokuSsoBuilder) -> HerokuSsoBuilder,
) -> (World, AddOn) {
    let world = World::with(&with).await;
    let (addon, _bank) = shared_addon(&world).await;
    refresh(&world, &addon).await;
    (world, addon)
}

#[tokio::test]
async fn list_stored_before_the_setting_was_on_rejects_no_user() {
    let (store, sessions) = (MemoryStore::default(), MemorySessions::default());
    let with =
        |builder: HerokuSsoBuilder| builder.store(store.clone()).session_store(sessions.clone());
    let on = |builder| attached(with(builder));
    let (world, addon) = list_without_attached_apps(with).await;
    let (_sso, address) = world.another_gate(on).await;
    let ben = Browser::new(address);
    assert_eq!(ben.submit(&addon.sign_in_form(BEN)).await.status, 303);

    // The setting was off in between, in another process.
    world.clock.advance(Duration::from_secs(10));
    refresh(&world, &addon).await;
    let (sso, address) = world.another_gate(on).await;
    world.heroku.calls().clear();
    let faults = world.heroku.faults();
    faults.set(Endpoint::Attachments, Fault::Status(500));
    assert_eq!(page(&ben.at(address)).await, 503);
    assert_eq!(calls(&world), [0, 1]);
    faults.clear_all();
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(page(&ben.at(address)).await, 200);
    assert_eq!(calls(&world), [0, 2]);
    drop(sso);
}
