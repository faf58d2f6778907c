//! Layers of tower-http, outside and inside of the gate.

use std::time::Duration;

use axum::Router;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{AppendHeaders, Html, IntoResponse};
use axum::routing::get;
use reqwest::Method;
use support::browser::{Answer, Browser};
use support::world::{UNUSED, World, serve};
use tower_heroku_sso::{HerokuSso, HerokuUser};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

const SESSION: &str = "__Host-heroku_sso";
const HINT: &str = "__Host-heroku_sso_hint";

/// A page that sets a cookie of its own and is long enough to be compressed.
async fn page(user: HerokuUser) -> impl IntoResponse {
    let own = AppendHeaders([("set-cookie", "theme=dark; Path=/")]);
    (
        own,
        Html(format!("{} {}", user.email(), "page ".repeat(200))),
    )
}

async fn slow() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

async fn broken() -> &'static str {
    panic!("a mistake of the app")
}

fn pages() -> Router {
    Router::new()
        .route("/", get(page))
        .route("/slow", get(slow))
        .route("/broken", get(broken))
}

fn gated(sso: &HerokuSso, inner: Router) -> Router {
    inner.layer(sso.layer()).merge(sso.routes().sign_in())
}

const LAYERS: [&str; 5] = ["compression", "cors", "timeout", "panics", "cache"];

fn around(router: Router, layer: &str) -> Router {
    match layer {
        "compression" => router.layer(CompressionLayer::new()),
        "cors" => router.layer(CorsLayer::new().allow_origin(Any)),
        "timeout" => {
            let limit = Duration::from_secs(5);
            router.layer(TimeoutLayer::with_status_code(
                StatusCode::GATEWAY_TIMEOUT,
                limit,
            ))
        }
        "panics" => router.layer(CatchPanicLayer::new()),
        "cache" => {
            let public = HeaderValue::from_static("public, max-age=60");
            router.layer(SetResponseHeaderLayer::if_not_present(
                CACHE_CONTROL,
                public,
            ))
        }
        other => unreachable!("{other}"),
    }
}

/// The names of the cookies that an answer sets or removes.
fn names(answer: &Answer) -> Vec<String> {
    let mut names: Vec<_> = answer
        .set_cookies()
        .into_iter()
        .map(|(name, ..)| name)
        .collect();
    names.sort();
    names
}

async fn open(browser: &Browser, path: &str) -> Answer {
    let request = browser.request(Method::GET, path);
    let request = request.header("accept-encoding", "gzip");
    let request = request.header("origin", "https://app.example");
    browser.send(request.header("accept", "text/html")).await
}

/// A whole visit: each answer has the cookies that it has without the layer, and the app's own.
async fn assert_visit_keeps_its_cookies(world: &World, app: Router, what: &str) {
    let addon = world.addon().await;
    let browser = Browser::new(serve(app).await);
    let answer = browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(answer.status, 303, "{what}");
    assert_eq!(names(&answer), [SESSION, HINT], "{what}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");

    let answer = open(&browser, "/").await;
    assert_eq!(answer.status, 200, "{what}");
    assert_eq!(names(&answer), ["theme"], "{what}");
    let cache = answer.header("cache-control").unwrap();
    let own = what == "cache inside";
    assert_eq!(
        cache,
        if own {
            "public, max-age=60"
        } else {
            "no-store"
        },
        "{what}"
    );
    let vary = answer.headers.get_all("vary").iter();
    let vary: Vec<_> = vary.filter_map(|vary| vary.to_str().ok()).collect();
    let vary = vary.join(", ").to_ascii_lowercase();
    assert!(vary.contains("cookie"), "{what}: {vary}");
    if what.starts_with("compression") {
        assert_eq!(answer.header("content-encoding"), Some("gzip"), "{what}");
        assert!(vary.contains("accept-encoding"), "{what}: {vary}");
    }

    world.clock.advance(UNUSED);
    let answer = open(&browser, "/?x=1").await;
    assert_eq!(answer.status, 303, "{what}");
    assert_eq!(answer.set_cookies().len(), 1, "{what}");
    assert!(
        names(&answer)[0].starts_with("__Host-heroku_sso_back_"),
        "{what}"
    );
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    let answer = open(&browser, "/").await;
    assert_eq!(answer.header("location"), Some("/?x=1"), "{what}");

    let sign_out = browser
        .request(Method::POST, "/logout")
        .header("accept", "text/html");
    let answer = browser.send(sign_out).await;
    assert_eq!(
        (answer.status, names(&answer)),
        (303, vec![SESSION.to_owned(), HINT.to_owned()]),
        "{what}"
    );
    assert_eq!(
        answer.header("clear-site-data"),
        Some("\"cache\""),
        "{what}"
    );
    assert_eq!(browser.cookie(SESSION), None);
    assert_eq!(browser.cookie("theme").as_deref(), Some("dark"), "{what}");
    assert_eq!(open(&browser, "/").await.status, 401, "{what}");
}

#[tokio::test]
async fn layers_outside_and_inside_lose_no_cookie() {
    for layer in LAYERS {
        let world = World::start().await;
        let outside = around(gated(&world.sso, pages()), layer);
        assert_visit_keeps_its_cookies(&world, outside, &format!("{layer} outside")).await;
        let world = World::start().await;
        let inside = gated(&world.sso, around(pages(), layer));
        assert_visit_keeps_its_cookies(&world, inside, &format!("{layer} inside")).await;
    }
}

#[tokio::test]
async fn all_layers_together_lose_no_cookie() {
    let world = World::start().await;
    let all = |router: Router| {
        let layers = LAYERS.into_iter().filter(|layer| *layer != "cache");
        layers.fold(router, around)
    };
    let app = all(gated(&world.sso, all(pages())));
    assert_visit_keeps_its_cookies(&world, app, "all").await;
}

/// C21's siblings: the answer is lost, the session is not.
#[tokio::test]
async fn panic_or_timeout_of_a_handler_leaves_the_session() {
    let short = || {
        let limit = Duration::from_secs(1);
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, limit)
    };
    for is_outside in [true, false] {
        let world = World::start().await;
        let addon = world.addon().await;
        let app = match is_outside {
            true => gated(&world.sso, pages())
                .layer(CatchPanicLayer::new())
                .layer(short()),
            false => gated(
                &world.sso,
                pages().layer(CatchPanicLayer::new()).layer(short()),
            ),
        };
        let browser = Browser::new(serve(app).await);
        let form = addon.sign_in_form("ann@example.com");
        assert_eq!(browser.submit(&form).await.status, 303);
        for (path, status) in [("/broken", 500), ("/slow", 504), ("/", 200)] {
            let answer = open(&browser, path).await;
            assert_eq!(answer.status, status, "{path}, {is_outside}");
            assert!(!names(&answer).contains(&SESSION.to_owned()), "{path}");
        }
    }
}

#[tokio::test]
async fn c31_preflight_needs_no_session_with_cors_outside() {
    let world = World::start().await;
    let origin = "https://app.example";
    let cors = CorsLayer::new()
        .allow_origin(HeaderValue::from_static(origin))
        .allow_headers([AUTHORIZATION]);
    let api = Router::new().route("/api", get(async || "reached"));
    let outside = serve(api.clone().layer(world.sso.layer()).layer(cors.clone())).await;
    let inside = serve(api.layer(cors).layer(world.sso.layer())).await;
    let preflight = async |address| {
        let browser = Browser::new(address);
        let request = browser
            .request(Method::OPTIONS, "/api")
            .header("origin", origin);
        let request = request.header("access-control-request-method", "GET");
        browser
            .send(request.header("access-control-request-headers", "authorization"))
            .await
    };
    let answer = preflight(outside).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    // Inside, the gate refuses it: a browser sends no credentials with it.
    assert_eq!(preflight(inside).await.status, 401);
    // The 401 itself is readable by the page.
    let browser = Browser::new(outside);
    let request = browser
        .request(Method::GET, "/api")
        .header("origin", origin);
    let answer = browser
        .send(request.header("authorization", "Bearer x"))
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    assert_eq!(answer.problem(), "no-session");
}
