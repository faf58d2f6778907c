//! Heroku's rate limit: the sync slows down before the limit and leaves calls for sign-ins.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint};
use support::ids::AddOnExt as _;
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::{Clock as _, HerokuSsoBuilder, MemorySessions, RefreshError};

use support::world::{REFRESH, World};

const MINUTE: Duration = Duration::from_secs(60);

/// A Heroku that enforces a pool of 360 calls with a refill of 6 per minute.
async fn world() -> World {
    World::with_heroku(
        |heroku| heroku.rate_pool(360, 6).enforce_rate_limit(true),
        |builder| builder,
    )
    .await
}

#[tokio::test]
async fn idle_lists_leave_half_of_the_pool_free_and_hit_no_429() {
    let world = world().await;
    let addons = world.addons(100).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    // 300 calls are due, half of 360 is available; calls in progress at the limit come on top.
    let fetched = world.heroku.calls().count(Endpoint::Any) - 100;
    assert!((150..=230).contains(&fetched), "{fetched}");
    // A sign-in does not wait.
    let health = world.sso.lists().health().await;
    assert!(health.without_list > 0 && health.due > 0, "{health:?}");
    let mut signed_in = 0;
    for addon in &addons {
        let known = world.sso.lists().get(&addon.resource_id()).await.unwrap();
        if known.is_none() && signed_in < 5 {
            world.signed_in(addon, "owner@example.com").await;
            signed_in += 1;
        }
    }
    assert_eq!(signed_in, 5);
    // The remaining lists are fetched as the pool refills.
    for _ in 0..40 {
        world.clock.advance(MINUTE);
        world.quiet().await;
    }
    assert_eq!(world.sso.lists().health().await.without_list, 0);
    assert_eq!(world.heroku.calls().count_answered(Endpoint::Any, 429), 0);
    sync.shutdown().await;
}

#[tokio::test]
async fn lists_in_use_precede_idle_ones_in_a_low_pool() {
    let world = world().await;
    let addons = world.addons(4).await;
    let used = &addons[3];
    let browser = world.signed_in(used, "owner@example.com").await;
    // The pool was full and is now nearly empty from other use.
    world.heroku.rate_limit().set_remaining(30);
    world.refresh(&used.resource_id()).await;
    world.heroku.calls().clear();
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    assert_eq!(
        world.heroku.calls().count(Endpoint::Any),
        0,
        "idle lists wait"
    );
    world
        .pass_until_fetched(REFRESH.mul_f64(0.95), MINUTE)
        .await;
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 1);
    assert_eq!(browser.fetch("/page").await.status, 200);
    sync.shutdown().await;
}

#[tokio::test]
async fn lists_with_recent_requests_precede_others_in_a_low_pool() {
    let world = world().await;
    let addons = world.addons(3).await;
    let [asked, quiet, other] = &addons[..] else {
        unreachable!("three were made")
    };
    let browser = world.signed_in(asked, "owner@example.com").await;
    world.signed_in(quiet, "owner@example.com").await;
    world.clock.advance(MINUTE * 4);
    for addon in [asked, quiet] {
        world.refresh(&addon.resource_id()).await;
    }
    world.clock.advance(MINUTE * 2);
    assert_eq!(browser.fetch("/page").await.status, 200);
    // The pool is nearly empty from other use.
    world.heroku.rate_limit().set_remaining(20);
    world.refresh(&other.resource_id()).await;
    let _sync = world.sso.spawn_sync();
    world.quiet().await;
    world.heroku.calls().clear();
    world.clock.advance(REFRESH.mul_f64(0.95) - MINUTE * 2);
    world.quiet().await;
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 1);
    let fetched_at = async |addon: &AddOn| {
        let list = world.sso.lists().get(&addon.resource_id()).await.unwrap();
        list.unwrap().fetched_at
    };
    assert!(fetched_at(asked).await > fetched_at(quiet).await);
    // The other list is fetched as the pool refills.
    world.clock.advance(MINUTE * 2);
    world.quiet().await;
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 2);
    assert!(fetched_at(quiet).await > fetched_at(asked).await);
}

#[tokio::test]
async fn separate_rate_pools_do_not_slow_each_other() {
    let world = World::with_heroku(
        |heroku| heroku.rate_pool(360, 6).rate_pools_per_addon(),
        |builder| builder.rate_limit_per_token(),
    )
    .await;
    let addons = world.addons(150).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    assert_eq!(world.sso.lists().health().await.without_list, 0);
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), addons.len());
    sync.shutdown().await;
}

#[tokio::test]
async fn insufficient_rate_limit_sets_and_clears_the_lag_flag() {
    let world = World::with_heroku(
        |heroku| heroku.rate_pool(120, 2).enforce_rate_limit(true),
        |builder| builder.idle_interval(MINUTE * 10),
    )
    .await;
    // 180 calls are due every eight minutes, 16 are available.
    let addons = world.addons(60).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    assert!(!world.sso.lists().health().await.lagging);
    for _ in 0..15 {
        world.clock.advance(MINUTE);
        world.quiet().await;
    }
    assert!(world.sso.lists().health().await.lagging);
    assert_eq!(world.heroku.calls().count_answered(Endpoint::Any, 429), 0);
    // Most resources are deprovisioned, and the rest fits into the limit.
    for addon in &addons[5..] {
        world
            .sso
            .resources()
            .deprovision(&addon.resource_id())
            .await
            .unwrap();
    }
    for _ in 0..90 {
        world.clock.advance(MINUTE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.quiet().await;
    let health = world.sso.lists().health().await;
    assert!(!health.lagging, "{health:?}");
    sync.shutdown().await;
}

#[tokio::test]
async fn stopped_sync_has_no_backlog() {
    let world = World::with_heroku(
        |heroku| heroku.rate_pool(120, 2).enforce_rate_limit(true),
        |builder| builder.idle_interval(MINUTE * 10),
    )
    .await;
    world.addons(60).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    for _ in 0..15 {
        world.clock.advance(MINUTE);
        world.quiet().await;
    }
    let health = world.sso.lists().health().await;
    assert!(health.due > 0 && health.lagging, "{health:?}");
    sync.shutdown().await;
    let health = world.sso.lists().health().await;
    assert_eq!((health.due, health.lagging), (0, false));
}

#[tokio::test]
async fn u6_429_pauses_the_shared_pool_while_cached_lists_admit() {
    let world = world().await;
    let addons = world.addons(3).await;
    for addon in &addons {
        world.refresh(&addon.resource_id()).await;
    }
    world.clock.advance(REFRESH + MINUTE);
    world.heroku.rate_limit().set_remaining(0);
    let error = world
        .sso
        .lists()
        .refresh(&addons[0].resource_id())
        .await
        .unwrap_err();
    assert!(matches!(error, RefreshError::Heroku(_)), "{error}");
    world.heroku.calls().clear();
    // Without Retry-After the pause is a minute. Lists within their age limit still admit users.
    world.signed_in(&addons[1], "owner@example.com").await;
    let stranger = addons[2].sign_in_form("stranger@example.com");
    assert_eq!(world.browser().submit(&stranger).await.status, 503);
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
    world.clock.advance(MINUTE);
    world.refresh(&addons[0].resource_id()).await;
}

/// As after a release at a bad time: the lists are in the store, and the pool is empty.
#[tokio::test]
async fn restart_with_an_empty_pool_fetches_lists_in_use_first() {
    const IN_USE: usize = 20;
    let (store, sessions) = (MemoryStore::default(), MemorySessions::default());
    let with = || {
        let (store, sessions) = (store.clone(), sessions.clone());
        move |builder: HerokuSsoBuilder| {
            let builder = builder.store(store).session_store(sessions);
            builder.idle_interval(REFRESH)
        }
    };
    let world = World::with_heroku(|heroku| heroku.enforce_rate_limit(true), with()).await;
    let addons = world.addons(3 * IN_USE).await;
    let mut browsers = Vec::new();
    for (number, addon) in addons.iter().enumerate() {
        match number < IN_USE {
            true => browsers.push(world.signed_in(addon, "owner@example.com").await),
            false => drop(world.refresh(&addon.resource_id()).await),
        }
    }
    // All lists are due within seconds.
    world.clock.advance(Duration::from_secs(265));
    world.heroku.rate_limit().set_remaining(0);

    let (next, address) = world.another_gate(with()).await;
    let browsers = Vec::from_iter(browsers.iter().map(|browser| browser.at(address)));
    for browser in &browsers {
        assert_eq!(browser.fetch("/page").await.status, 200);
    }
    world.heroku.calls().clear();
    let sync = next.spawn_sync();
    let mut fetched = (0, 0);
    for _ in 0..30 {
        world.clock.advance(Duration::from_secs(5));
        world.quiet_for(Duration::from_millis(60)).await;
        fetched = (0, 0);
        for (number, addon) in addons.iter().enumerate() {
            let list = next
                .lists()
                .get(&addon.resource_id())
                .await
                .unwrap()
                .unwrap();
            if world.clock.now() - list.fetched_at < Duration::from_secs(150) {
                match number < IN_USE {
                    true => fetched.0 += 1,
                    false => fetched.1 += 1,
                }
            }
        }
        if fetched.0 == IN_USE {
            break;
        }
    }
    assert_eq!(fetched, (IN_USE, 0), "in use, idle");
    sync.shutdown().await;
}
