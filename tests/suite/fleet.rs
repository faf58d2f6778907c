//! The schedule of many resources: spread, bounded, with logged progress.

use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use support::ids::AddOnExt as _;

use crate::faulty::Faulty;
use crate::log::Log;
use support::world::{World, grant};

const IDLE: Duration = Duration::from_secs(6 * 60 * 60);

/// A world with this many registered personal apps and an unlimited rate pool.
async fn fleet(apps: usize) -> World {
    fleet_with_timeout(apps, Duration::from_secs(10)).await
}

async fn fleet_with_timeout(apps: usize, timeout: Duration) -> World {
    let world = World::with_heroku(
        |heroku| heroku.rate_pool(1_000_000, 1_000_000),
        |builder| builder.heroku_timeout(timeout),
    )
    .await;
    world.addons(apps).await;
    world
}

async fn without_list(world: &World) -> usize {
    world.sso.lists().health().await.without_list
}

/// Polls, for at most a minute.
async fn until(is_so: impl AsyncFn() -> bool) {
    for _ in 0..1_200 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not happen within a minute");
}

#[tokio::test]
async fn restarted_sync_spreads_fetches_of_lists_of_the_same_age() {
    const APPS: usize = 200;
    let world = fleet(APPS).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    assert_eq!(world.sso.lists().health().await.without_list, 0);
    sync.shutdown().await;
    let sync = world.sso.spawn_sync();
    world.heroku.calls().clear();
    world.clock.advance(IDLE.mul_f64(0.69));
    world.quiet().await;
    assert_eq!(
        world.heroku.calls().count(Endpoint::AddOn),
        0,
        "not before 70 %"
    );
    let mut before = 0;
    for step in 1..=11 {
        world.clock.advance(IDLE.mul_f64(0.02));
        world.quiet().await;
        let now = world.heroku.calls().count(Endpoint::AddOn);
        assert!(
            now - before < APPS / 4,
            "{} fetched in step {step}",
            now - before
        );
        before = now;
    }
    assert_eq!(before, APPS, "all by 90 %");
    sync.shutdown().await;
}

#[tokio::test]
async fn sync_fetches_at_most_16_lists_without_delaying_a_sign_in() {
    let world = fleet(40).await;
    world.heroku.faults().set(Endpoint::AddOn, Fault::Hang);
    let sync = world.sso.spawn_sync();
    while world.heroku.calls().count(Endpoint::AddOn) < 16 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 16);
    // A resource whose fetch is still in the queue.
    let asked: Vec<_> = world
        .heroku
        .calls()
        .requests()
        .into_iter()
        .map(|r| r.path)
        .collect();
    let mut apps = world.heroku.apps().into_iter().map(|app| app.addon());
    let waiting = apps.find(|addon| !asked.contains(&format!("/addons/{}", addon.resource_id())));
    world.heroku.faults().clear_all();
    world
        .signed_in(&waiting.unwrap(), "owner@example.com")
        .await;
    drop(sync);
}

#[tokio::test]
async fn two_syncs_share_the_work() {
    let world = fleet(30).await;
    world.heroku.calls().clear();
    let syncs = [world.sso.spawn_sync(), world.sso.spawn_sync()];
    world.quiet().await;
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 30);
    let [one, two] = syncs;
    one.shutdown().await;
    // The other sync keeps working.
    world.clock.advance(IDLE);
    world.quiet().await;
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 60);
    assert!(two.is_alive());
    two.shutdown().await;
}

#[tokio::test]
async fn initial_sync_of_a_large_fleet_logs_progress() {
    let log = Log::listen();
    let world = fleet(120).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    world.clock.advance(Duration::from_secs(10));
    world.quiet().await;
    sync.shutdown().await;
    let lines = log.with(&["initial_sync"]);
    assert!(
        lines.first().is_some_and(|line| line.contains("total=120")),
        "{lines:?}"
    );
    assert!(
        lines
            .last()
            .is_some_and(|line| line.contains("fetched=120")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn lists_left_by_a_stopped_sync_are_fetched_by_the_next() {
    let world = fleet_with_timeout(40, Duration::from_secs(3)).await;
    world.heroku.faults().set(Endpoint::Any, Fault::Hang);
    let sync = world.sso.spawn_sync();
    while world.heroku.calls().count(Endpoint::AddOn) < 16 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // 24 lists are due and waiting; the clock of the lists stands still.
    sync.shutdown().await;
    world.heroku.faults().clear_all();
    let sync = world.sso.spawn_sync();
    until(async || without_list(&world).await <= 16).await;
    sync.shutdown().await;
}

#[tokio::test]
async fn initial_sync_logs_progress_after_a_failed_store_load() {
    let log = Log::listen();
    let store = Faulty::default();
    let world = World::with_heroku(
        |heroku| heroku.rate_pool(1_000_000, 1_000_000),
        |builder| builder.store(store.clone()),
    )
    .await;
    let (before, _) = world
        .another_gate(|builder| builder.store(store.another()))
        .await;
    for number in 0..120 {
        let addon = world.heroku.app(&format!("app-{number}")).addon();
        let resource = addon.resource_id();
        before
            .resources()
            .register(&resource, grant(&addon))
            .await
            .unwrap();
    }
    store.fail("load_page");
    let sync = world.sso.spawn_sync();
    while store.calls("load_page") == 0 {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Duration::from_secs(10));
    while store.calls("load_page") < 2 {
        tokio::task::yield_now().await;
    }
    store.mend();
    let mut lines = Vec::new();
    for _ in 0..20 {
        world.clock.advance(Duration::from_secs(10));
        world.quiet().await;
        lines = log.with(&["initial_sync"]);
        if lines
            .last()
            .is_some_and(|line| line.contains("fetched=120"))
        {
            break;
        }
    }
    sync.shutdown().await;
    let (first, last) = (lines.first().unwrap(), lines.last().unwrap());
    assert!(first.contains("total=120"), "{lines:?}");
    assert!(last.contains("fetched=120"), "{lines:?}");
}

#[tokio::test]
async fn hanging_fetches_do_not_block_other_lists() {
    let world = fleet_with_timeout(60, Duration::from_secs(3)).await;
    // All concurrent fetches hang, and hang again at the retry.
    world
        .heroku
        .faults()
        .set_times(Endpoint::AddOn, Fault::Hang, 16);
    let sync = world.sso.spawn_sync();
    until(async || world.heroku.calls().count(Endpoint::AddOn) == 60).await;
    until(async || without_list(&world).await == 16).await;
    world
        .heroku
        .faults()
        .set_times(Endpoint::AddOn, Fault::Hang, 16);
    world.clock.advance(Duration::from_secs(1));
    until(async || world.heroku.calls().count(Endpoint::AddOn) == 76).await;
    assert_eq!(without_list(&world).await, 16);
    until(async || {
        world.clock.advance(Duration::from_millis(100));
        without_list(&world).await == 0
    })
    .await;
    sync.shutdown().await;
}

#[tokio::test]
async fn next_process_spreads_fetches_of_lists_of_the_same_age() {
    const APPS: usize = 150;
    let store = Faulty::default();
    let world = World::with_heroku(
        |heroku| heroku.rate_pool(1_000_000, 1_000_000),
        |builder| builder.store(store.clone()),
    )
    .await;
    for addon in world.addons(APPS).await {
        world.refresh(&addon.resource_id()).await;
    }
    world.heroku.calls().clear();
    let (next, _) = world
        .another_gate(|builder| builder.store(store.another()))
        .await;
    let sync = next.spawn_sync();
    world.quiet().await;
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 0);
    let mut before = 0;
    world.clock.advance(IDLE.mul_f64(0.69));
    for _ in 1..=11 {
        world.clock.advance(IDLE.mul_f64(0.02));
        world.quiet().await;
        let now = world.heroku.calls().count(Endpoint::AddOn);
        assert!(now - before < APPS / 4, "{} fetched", now - before);
        before = now;
    }
    assert_eq!(before, APPS);
    sync.shutdown().await;
}
