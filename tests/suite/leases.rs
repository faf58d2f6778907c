//! Work under a lease that several processes share.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use heroku_sso_store::{SessionKey, StoreEvent, Work};
use sha2::{Digest, Sha256};
use support::ids::AddOnExt as _;
use tower_heroku_sso::ResourceId;
use tower_sessions::session::Id;

use crate::faulty::{Faulty, Leases};
use crate::log::Log;
use support::world::World;

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let met = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    let met = tokio::time::timeout(Duration::from_secs(60), met).await;
    met.unwrap_or_else(|_| panic!("{what}: not within a minute"));
}

/// Registers a resource whose fetch Heroku answers after a minute.
async fn fetching(world: &World) -> ResourceId {
    let addon = world.heroku.app("shop").addon();
    let resource = world.register(&addon).await;
    let slow = Fault::Slow(Duration::from_secs(60));
    world.heroku.faults().set(Endpoint::AddOn, slow);
    resource
}

#[tokio::test]
async fn lease_is_renewed_during_the_fetch_and_then_released() {
    let leases = Arc::new(Leases::default());
    let world = World::with(|builder| {
        let builder = builder.heroku_timeout(Duration::from_secs(20));
        builder.store(Faulty::shared(&leases))
    })
    .await;
    let work = Work::List(fetching(&world).await);
    let taken = || {
        leases
            .taken
            .lock()
            .unwrap()
            .get(&work)
            .copied()
            .unwrap_or(0)
    };
    let sync = world.sso.spawn_sync();
    until("heroku is asked", || {
        world.heroku.calls().count(Endpoint::AddOn) == 1
    })
    .await;
    // A lease expires after ten seconds.
    for renewals in 1..=12 {
        world.clock.advance(Duration::from_secs(4));
        until("it is renewed", || taken() == 1 + renewals).await;
    }
    assert!(!leases.released.lock().unwrap().contains(&work));
    world.clock.advance(Duration::from_secs(12));
    until("it is released", || {
        leases.released.lock().unwrap().contains(&work)
    })
    .await;
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 1);
    sync.shutdown().await;
}

#[tokio::test]
async fn lost_lease_is_logged_and_the_fetch_completes() {
    let log = Log::listen();
    let leases = Arc::new(Leases::default());
    let world = World::with(|builder| builder.store(Faulty::shared(&leases))).await;
    let resource = fetching(&world).await;
    let sync = world.sso.spawn_sync();
    until("heroku is asked", || {
        world.heroku.calls().count(Endpoint::AddOn) == 1
    })
    .await;
    leases.elsewhere.store(true, Ordering::SeqCst);
    world.clock.advance(Duration::from_secs(4));
    until("it is logged", || !log.with(&["lease was lost"]).is_empty()).await;
    world.clock.advance(Duration::from_secs(60));
    world.quiet().await;
    let list = world.sso.lists().get(&resource).await.unwrap();
    assert!(list.is_some());
    sync.shutdown().await;
}

#[tokio::test]
async fn remote_sign_out_applies_while_the_store_is_unavailable() {
    let leases = Arc::new(Leases::default());
    let store = Faulty::shared(&leases);
    let world = World::with(|builder| builder.store(store.clone())).await;
    let (other, _) = world
        .another_gate(|builder| builder.store(store.another()))
        .await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let [ann, owner] = ["ann@example.com", "owner@example.com"];
    let ann = world.signed_in(&addon, ann).await;
    let owner = world.signed_in(&addon, owner).await;
    // In another process the owner signs out and Ann is revoked; then the database fails.
    let email = "ann@example.com".parse().unwrap();
    other.sessions().revoke(&resource, &email).await.unwrap();
    let id: Id = owner.cookie("__Host-heroku_sso").unwrap().parse().unwrap();
    let key = hex::encode(Sha256::digest(id.0.to_le_bytes()));
    let words = [
        StoreEvent::Resource(resource),
        StoreEvent::Session(SessionKey::from_stored(key)),
    ];
    leases.events.lock().unwrap().extend(words);
    store.fail("load");
    store.fail("load_page");
    let sync = world.sso.spawn_sync();
    let loads = store.calls("load");
    until("the store is retried", || store.calls("load") >= loads + 2).await;
    assert_eq!(owner.fetch("/page").await.status, 401);
    assert_eq!(ann.fetch("/page").await.status, 200);
    store.mend();
    let loads = store.calls("load");
    until("the store has answered", || store.calls("load") > loads).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(ann.fetch("/page").await.status, 401);
    sync.shutdown().await;
}
