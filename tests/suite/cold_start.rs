//! A process that serves requests before its initial load has finished.

use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use support::ids::AddOnExt as _;
use tower_heroku_sso::{HerokuSsoBuilder, LookupError, MemorySessions};

use crate::faulty::Faulty;
use crate::webhooks::{collaborator, send};
use support::world::World;

#[tokio::test]
async fn revoked_session_is_rejected_while_its_resource_loads() {
    let (store, sessions) = (Faulty::default(), MemorySessions::default());
    let with = |store: &Faulty| {
        let (store, sessions) = (store.clone(), sessions.clone());
        move |builder: HerokuSsoBuilder| builder.store(store).session_store(sessions)
    };
    let world = World::with(with(&store)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let email = "ann@example.com".parse().unwrap();
    world
        .sso
        .sessions()
        .revoke(&addon.resource_id(), &email)
        .await
        .unwrap();

    let there = store.another();
    let (_, address) = world.another_gate(with(&there)).await;
    let ann = ann.at(address);
    there.hold("load");
    let request = ann.request(reqwest::Method::GET, "/page");
    let first = tokio::spawn(async move { request.send().await.unwrap().status() });
    while there.calls("load") < 1 {
        tokio::task::yield_now().await;
    }
    let request = ann.request(reqwest::Method::GET, "/page");
    let second = tokio::spawn(async move { request.send().await.unwrap().status() });
    while there.calls("load") < 2 {
        tokio::task::yield_now().await;
    }
    there.let_pass("load", 10);
    assert_eq!(first.await.unwrap(), 401);
    assert_eq!(second.await.unwrap(), 401);
}

/// Otherwise requests for it could keep a process from loading any resource, and from applying the revocations
/// that another process has stored.
#[tokio::test]
async fn request_for_an_ended_resource_repeats_no_load_of_another() {
    let store = Faulty::default();
    let with = |store: &Faulty| {
        let store = store.clone();
        move |builder: HerokuSsoBuilder| builder.store(store)
    };
    let world = World::with(with(&store)).await;
    let id = world.addon().await.resource_id();
    world.refresh(&id).await;
    let ended = world.register(&world.heroku.app("other").addon()).await;
    assert!(world.sso.resources().deprovision(&ended).await.unwrap());

    let there = store.another();
    let (sso, _) = world.another_gate(with(&there)).await;
    there.hold("load");
    let mut loads = Vec::new();
    for id in [ended, id] {
        let lists = sso.lists().clone();
        loads.push(tokio::spawn(async move { lists.get(&id).await }));
        while there.calls("load") < loads.len() {
            tokio::task::yield_now().await;
        }
    }
    // The resource that has ended is found to be so while the other is being loaded.
    let (other, ended) = (loads.pop().unwrap(), loads.pop().unwrap());
    there.let_pass("load", 1);
    let ended = ended.await.unwrap();
    assert!(matches!(ended, Err(LookupError::Deprovisioned)));
    there.let_pass("load", 10);
    assert!(other.await.unwrap().unwrap().is_some());
    assert_eq!(there.calls("load"), 2);
}

#[tokio::test]
async fn session_revoked_during_a_fetch_is_rejected() {
    let world = crate::webhooks::world().await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world
        .heroku
        .faults()
        .set(Endpoint::AddOn, Fault::Slow(Duration::from_secs(1)));
    let event = collaborator(&addon, "destroy", "ann@example.com", "1");
    world.heroku.calls().clear();
    assert_eq!(send(&world, &event).await, 204);
    let request = ann.request(reqwest::Method::GET, "/page");
    let waiting = tokio::spawn(async move { request.send().await.unwrap().status() });
    while world.heroku.calls().count(Endpoint::AddOn) == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let email = "ann@example.com".parse().unwrap();
    world
        .sso
        .sessions()
        .revoke(&addon.resource_id(), &email)
        .await
        .unwrap();
    world.heroku.faults().clear_all();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(waiting.await.unwrap(), 401);
}
