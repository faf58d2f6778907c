//! The rate pools and the latency of the simulated Heroku.

use std::time::{Duration, Instant};

use crate::client::*;
use crate::clock::TestClock;
use heroku_addon_simulator::{AddOn, Endpoint, Fault, Simulator, SimulatorBuilder};
use reqwest::Response;
use serde_json::Value;

/// A simulator with two add-ons, their paths, and a token for each.
struct World {
    heroku: Simulator,
    clock: TestClock,
    addons: [(AddOn, String, String); 2],
}

async fn world(set_up: impl FnOnce(SimulatorBuilder) -> SimulatorBuilder) -> World {
    let clock = TestClock::new();
    let builder = set_up(Simulator::builder().clock(clock.reader()));
    let heroku = builder.start().await.unwrap();
    let addon = async |name| {
        let addon = heroku.app(name).addon();
        let token = access_token(&heroku, &addon).await;
        (addon.clone(), format!("/addons/{}", addon.id()), token)
    };
    let addons = [addon("shop").await, addon("bank").await];
    World {
        heroku,
        clock,
        addons,
    }
}

impl World {
    async fn ask(&self, which: usize) -> Response {
        let (_, path, token) = &self.addons[which];
        get(&self.heroku, path, token).send().await.unwrap()
    }

    async fn status(&self, which: usize) -> u16 {
        self.ask(which).await.status().as_u16()
    }
}

#[tokio::test]
async fn pool_starts_with_4500_calls_and_token_calls_are_free() {
    let world = world(|it| it).await;
    assert_eq!(world.heroku.rate_limit().remaining(), 4500);
    let answer = world.ask(0).await;
    assert_eq!(answer.headers()["ratelimit-remaining"], "4499");
    let token = tokens(&world.heroku, &world.addons[0].0).await;
    let refreshed = refresh(&world.heroku, token["refresh_token"].as_str().unwrap()).await;
    assert!(!refreshed.headers().contains_key("ratelimit-remaining"));
    assert_eq!(world.heroku.rate_limit().remaining(), 4499);
    assert_eq!(status(&world.heroku, "/apps/shop", "no token").await, 401);
    assert_eq!(world.heroku.rate_limit().remaining(), 4499);
}

#[tokio::test]
async fn empty_pool_gives_429_only_if_enforced() {
    let world = world(|it| it.rate_pool(2, 60)).await;
    for left in ["1", "0", "0"] {
        let answer = world.ask(0).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["ratelimit-remaining"], left);
    }
    world.heroku.rate_limit().enforce(true);
    let answer = world.ask(0).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["ratelimit-remaining"], "0");
    assert!(!answer.headers().contains_key("retry-after"));
    assert_eq!(answer.json::<Value>().await.unwrap()["id"], "rate_limit");
    let answered = |status| world.heroku.calls().count_answered(Endpoint::AddOn, status);
    assert_eq!((answered(200), answered(429)), (3, 1));
}

#[tokio::test]
async fn pool_refills_by_the_simulators_clock_to_its_size() {
    let world = world(|it| it.rate_pool(100, 75).enforce_rate_limit(true)).await;
    world.heroku.rate_limit().set_remaining(0);
    assert_eq!(world.status(0).await, 429);
    world.clock.advance(Duration::from_millis(799));
    assert_eq!(world.status(0).await, 429);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.status(0).await, 200);
    assert_eq!(world.status(0).await, 429, "a rejection costs nothing");
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.heroku.rate_limit().remaining(), 75);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.heroku.rate_limit().remaining(), 100);
}

#[tokio::test]
async fn add_ons_share_a_pool_unless_configured_per_add_on() {
    let shared = world(|it| it.rate_pool(1, 1).enforce_rate_limit(true)).await;
    assert_eq!((shared.status(0).await, shared.status(1).await), (200, 429));

    let own = world(|it| it.rate_pool(2, 1).rate_pools_per_addon()).await;
    own.heroku.rate_limit().enforce(true);
    let seen = [
        own.status(0).await,
        own.status(0).await,
        own.status(0).await,
    ];
    assert_eq!(seen, [200, 200, 429]);
    assert_eq!(own.status(1).await, 200);
    let left = own
        .addons
        .each_ref()
        .map(|it| own.heroku.rate_limit().remaining_of(&it.0));
    assert_eq!(left, [0, 1]);
    assert_eq!(own.heroku.rate_limit().remaining(), 0, "the emptiest");
}

#[tokio::test]
async fn not_modified_costs_a_call_unless_configured_free() {
    let world = world(|it| it).await;
    let etag = world.ask(0).await.headers()["etag"].clone();
    let (_, path, token) = &world.addons[0];
    let again = || get(&world.heroku, path, token).header("if-none-match", &etag);
    assert_eq!(again().send().await.unwrap().status(), 304);
    assert_eq!(world.heroku.rate_limit().remaining(), 4498);
    world.heroku.rate_limit().charge_not_modified(false);
    let answer = again().send().await.unwrap();
    assert_eq!(answer.headers()["ratelimit-remaining"], "4498");
    assert_eq!(world.heroku.rate_limit().remaining(), 4498);
    assert_eq!(world.heroku.calls().count_answered(Endpoint::Any, 304), 2);
}

#[tokio::test]
async fn rate_limited_call_does_not_consume_a_counted_fault() {
    let world = world(|it| it.rate_pool(1, 60).enforce_rate_limit(true)).await;
    world.heroku.rate_limit().set_remaining(0);
    world
        .heroku
        .faults()
        .set_times(Endpoint::Any, Fault::Status(500), 1);
    assert_eq!(world.status(0).await, 429);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.status(0).await, 500);
}

#[tokio::test]
async fn latency_delays_every_call_in_real_time() {
    let latency = Duration::from_millis(30);
    let world = world(|it| it.latency(latency)).await;
    let timed = async || {
        let since = Instant::now();
        assert_eq!(world.status(0).await, 200);
        since.elapsed()
    };
    assert!(timed().await >= latency);
    let since = Instant::now();
    access_token(&world.heroku, &world.addons[0].0).await;
    assert!(since.elapsed() >= latency);
    world.heroku.settings().set_latency(2 * latency);
    assert!(timed().await >= 2 * latency);
}
