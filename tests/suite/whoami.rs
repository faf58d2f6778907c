//! `whoami`: the signed-in user, as JSON and as HTML.

use axum::Router;
use axum::routing::get;
use support::ids::AddOnExt as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tower_heroku_sso::Clock as _;

use support::browser::Browser;
use support::world::{REFRESH, World, serve};

async fn signed_in(world: &World) -> (Browser, String) {
    let addon = world.addon().await;
    let app = Router::new()
        .route("/whoami", world.sso.routes().whoami())
        .route("/whoami.html", world.sso.routes().whoami_html())
        .route("/", get(|| async { "in" }))
        .layer(world.sso.layer())
        .route("/outside", world.sso.routes().whoami());
    let browser = Browser::new(serve(app).await);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(browser.submit(&form).await.status, 303);
    (browser, addon.resource_id().to_string())
}

#[tokio::test]
async fn whoami_returns_json() {
    let world = World::start().await;
    let (browser, resource) = signed_in(&world).await;
    let answer = browser.fetch("/whoami").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let whoami = answer.json();
    assert_eq!(whoami["email"], "ann@example.com");
    assert_eq!(whoami["resource_id"], resource);
    assert_eq!(whoami["app"]["name"], "shop");
    assert_eq!(whoami["roles"], serde_json::json!(["collaborator"]));
    assert!(whoami["user_id"].is_string() && whoami["app"]["id"].is_string());
    let expires_at = whoami["session_expires_at"].as_str().unwrap();
    let expires_at = OffsetDateTime::parse(expires_at, &Rfc3339).unwrap();
    let left = expires_at - world.clock.now();
    assert!(left.is_positive() && left <= REFRESH);
}

#[tokio::test]
async fn whoami_html_returns_a_fragment_with_sign_out() {
    let world = World::start().await;
    let (browser, _) = signed_in(&world).await;
    let answer = browser.get("/whoami.html").await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(answer.body.starts_with("<section"), "{}", answer.body);
    assert!(answer.body.contains("<strong>ann@example.com</strong>"));
    assert!(answer.body.contains(r#"method="post" action="/logout""#));
}

#[tokio::test]
async fn whoami_without_a_session_is_rejected() {
    let world = World::start().await;
    let (browser, _) = signed_in(&world).await;
    browser.drop_cookie("__Host-heroku_sso");
    assert_eq!(browser.fetch("/whoami").await.status, 401);
    assert_eq!(browser.fetch("/whoami.html").await.status, 401);
    assert_eq!(browser.fetch("/outside").await.status, 500);
}
