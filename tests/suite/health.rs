//! Health checks: liveness of the process, readiness of its lists.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use heroku_addon_simulator::{Endpoint, Fault};
use http::Request;
use support::ids::AddOnExt as _;
use tower::ServiceExt;

use crate::faulty::Faulty;
use crate::log::Log;
use support::browser::Browser;
use support::world::{REFRESH, World, serve};

async fn checks(world: &World) -> Browser {
    let router = Router::new()
        .route("/healthz", world.sso.routes().healthz())
        .route("/readyz", world.sso.routes().readyz());
    Browser::new(serve(router).await)
}

#[tokio::test]
async fn health_checks_pass_again_once_heroku_recovers() {
    let world = World::start().await;
    let addon = world.addon().await;
    let checks = checks(&world).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    for path in ["/healthz", "/readyz"] {
        let answer = checks.fetch(path).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.json()["lists_fresh"], true);
    }
    world.heroku.faults().set(Endpoint::Any, Fault::Status(503));
    // The list stays in use while Heroku is unavailable.
    for _ in 0..3 {
        world.clock.advance(REFRESH - Duration::from_secs(1));
        browser.fetch("/page").await;
        let form = addon.sign_in_form("ann@example.com");
        world.browser().submit(&form).await;
    }
    assert_eq!(checks.fetch("/healthz").await.status, 200);
    world.heroku.faults().clear_all();
    world.refresh(&addon.resource_id()).await;
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(checks.fetch("/readyz").await.status, 200);
    sync.shutdown().await;
}

/// Tokio's time is paused and jumps to the next timer.
#[tokio::test(start_paused = true)]
async fn hanging_store_fails_the_health_check_after_5_seconds() {
    let store = Faulty::default();
    let sso = crate::setup::builder()
        .store(store.clone())
        .build()
        .await
        .unwrap();
    let router: Router = Router::new().route("/healthz", sso.routes().healthz());
    store.hold("get");
    let request = || Request::get("/healthz").body(Body::empty()).unwrap();
    let started = tokio::time::Instant::now();
    let (one, other) = tokio::join!(router.clone().oneshot(request()), router.oneshot(request()));
    assert_eq!(
        started.elapsed(),
        Duration::from_secs(5),
        "for both together"
    );
    for answer in [one.unwrap(), other.unwrap()] {
        assert_eq!(answer.status(), 503);
        let body = to_bytes(answer.into_body(), 1_000).await.unwrap();
        let report: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(report["store_reachable"], false);
    }
}

#[tokio::test]
async fn list_in_use_beyond_max_age_fails_readiness_only() {
    let world = World::start().await;
    let addon = world.addon().await;
    let checks = checks(&world).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.faults().set(Endpoint::Any, Fault::Status(503));
    world.clock.advance(REFRESH - Duration::from_secs(1));
    // A user signs in shortly before the list is too old.
    let late = addon.sign_in_form("ann@example.com");
    world.clock.advance(REFRESH);
    assert_eq!(world.browser().submit(&late).await.status, 303);
    world.clock.advance(Duration::from_secs(2));
    let answer = checks.fetch("/readyz").await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.json()["lists_fresh"], false);
    assert_eq!(answer.json()["sync_alive"], true);
    assert_eq!(checks.fetch("/healthz").await.status, 200);
    drop(browser);
    sync.shutdown().await;
}

#[tokio::test]
async fn health_check_fails_without_a_sync() {
    let world = World::start().await;
    let checks = checks(&world).await;
    assert_eq!(checks.fetch("/healthz").await.status, 503);
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(checks.fetch("/healthz").await.status, 200);
    sync.shutdown().await;
    world.clock.advance(Duration::from_secs(1));
    let answer = checks.fetch("/healthz").await;
    assert_eq!(
        (answer.status, &answer.json()["sync_alive"]),
        (503, &false.into())
    );
}

#[tokio::test]
async fn u28_clock_drift_is_reported_in_health() {
    let world = World::start().await;
    let addon = world.addon().await;
    world
        .heroku
        .settings()
        .set_date_offset(time::Duration::minutes(2));
    world.signed_in(&addon, "ann@example.com").await;
    let health = world.sso.lists().health().await;
    assert_eq!(health.clock_drift_seconds, Some(120));
    world
        .heroku
        .settings()
        .set_date_offset(time::Duration::ZERO);
    world.refresh(&addon.resource_id()).await;
    let health = world.sso.lists().health().await;
    assert_eq!(health.clock_drift_seconds, Some(0));
}

#[tokio::test]
async fn health_checks_read_the_store_at_most_once_a_second() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let checks = checks(&world).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    let before = store.calls("get");
    for _ in 0..50 {
        assert_eq!(checks.fetch("/healthz").await.status, 200);
    }
    assert_eq!(store.calls("get"), before + 1);
    assert_eq!(store.calls("next_sequence"), 0);
    store.fail("*");
    world.clock.advance(Duration::from_secs(1));
    let answer = checks.fetch("/healthz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["store_reachable"], false);
    store.mend();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(checks.fetch("/healthz").await.status, 200);
    sync.shutdown().await;
}

#[tokio::test]
async fn clock_drift_at_the_limit_is_logged_once() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = world.addon().await;
    for (seconds, apart, over) in [
        (31, 1, 0),
        (29, 1, 0),
        (31, 1, 0),
        (-31, 1, 0),
        (20, 1, 0),
        (19, 1, 1),
        (29, 1, 1),
        (30, 2, 1),
    ] {
        world.clock.advance(Duration::from_secs(10));
        world
            .heroku
            .settings()
            .set_date_offset(time::Duration::seconds(seconds));
        world.refresh(&addon.resource_id()).await;
        assert_eq!(log.with(&["WARN", "clock_drift"]).len(), apart, "{seconds}");
        assert_eq!(log.with(&["clock_drift_over"]).len(), over, "{seconds}");
    }
}
