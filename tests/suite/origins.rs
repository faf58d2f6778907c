//! WebSockets from pages of other sites.

use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing::{any, get};
use http::{Method, Request};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tower::ServiceExt;
use tower_heroku_sso::{HerokuUser, RejectionKind};

use crate::log::Log;
use support::browser::Browser;
use support::world::{World, serve};

const SESSION: &str = "__Host-heroku_sso";

async fn socket(upgrade: WebSocketUpgrade, _: HerokuUser) -> Response {
    upgrade.on_upgrade(|_| async {})
}

fn app(world: &World) -> Router {
    let router = Router::new()
        .route("/socket", any(socket))
        .route("/page", get(|| async { "page" }));
    world.sso.protect(router)
}

/// A handshake of a signed-in browser on this origin.
async fn handshake(browser: &Browser, origin: Option<&str>) -> Result<u16, u16> {
    use tokio_tungstenite::tungstenite::Error;

    let url = browser.url("/socket").replacen("http", "ws", 1);
    let mut request = url.into_client_request().unwrap();
    let session = browser.cookie(SESSION).unwrap();
    let cookie = format!("{SESSION}={session}").parse().unwrap();
    request.headers_mut().insert("cookie", cookie);
    if let Some(origin) = origin {
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((_, response)) => Ok(response.status().as_u16()),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn c50_websocket_from_another_site_is_rejected() {
    let log = Log::listen();
    let world = World::with(|builder| {
        builder.allowed_origins(vec!["https://partner.example".parse().unwrap()])
    })
    .await;
    let addon = world.addon().await;
    let address = serve(app(&world)).await;
    let signed_in = world.signed_in(&addon, "ann@example.com").await;
    let browser = signed_in.at(address);
    let own = format!("http://{address}");
    for (origin, expected) in [
        (None, Ok(101)),
        (Some(&*own), Ok(101)),
        (Some("https://partner.example"), Ok(101)),
        (Some("https://evil.example"), Err(403)),
        (Some("http://sibling.127.0.0.1"), Err(403)),
        (Some("http://127.0.0.1:1"), Err(403)),
        (Some("null"), Err(403)),
    ] {
        assert_eq!(handshake(&browser, origin).await, expected, "{origin:?}");
    }
    let warned = log.with(&["WARN", "https://evil.example", "allowed_origins"]);
    assert_eq!(warned.len(), 1, "{log:?}");
    assert_eq!(
        log.with(&["audit", "request_rejected", "foreign_origin"])
            .len(),
        4
    );
    // The session stays, and other requests do not depend on the origin.
    let page = browser.request(reqwest::Method::GET, "/page");
    let page = browser
        .send(page.header("origin", "https://evil.example"))
        .await;
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn c50_configured_address_counts_in_place_of_host() {
    let world =
        World::with(|builder| builder.public_url("https://a.example/base".parse().unwrap()));
    let world = world.await;
    let addon = world.addon().await;
    let address = serve(app(&world)).await;
    let browser = world.signed_in(&addon, "ann@example.com").await.at(address);
    let host = format!("http://{address}");
    assert_eq!(
        handshake(&browser, Some("https://a.example")).await,
        Ok(101)
    );
    assert_eq!(handshake(&browser, Some(&host)).await, Err(403));
}

/// An HTTP/2 server gives the handshake as CONNECT with the headers of a WebSocket (RFC 8441).
#[tokio::test]
async fn c50_extended_connect_from_another_site_is_rejected() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let app = app(&world);
    let cookie = format!("{SESSION}={}", browser.cookie(SESSION).unwrap());
    for (origin, is_foreign) in [("https://a.example", false), ("https://b.example", true)] {
        let request = Request::builder()
            .method(Method::CONNECT)
            .uri("https://a.example/socket")
            .header("sec-websocket-version", "13")
            .header("cookie", &cookie)
            .header("origin", origin);
        let request = request.body(Body::empty()).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        let kind = answer.extensions().get().copied();
        let foreign = is_foreign.then_some(RejectionKind::ForeignOrigin);
        assert_eq!(kind, foreign, "{origin}");
    }
}

/// A page over plain http is in the hands of anyone on its network, and cookies that are `Secure` are not.
#[tokio::test]
async fn c50_websocket_from_a_plain_http_page_of_this_host_is_rejected() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let app = app(&world);
    let cookie = format!("{SESSION}={}", browser.cookie(SESSION).unwrap());
    for (host, origin, is_foreign) in [
        ("a.example", "https://a.example", false),
        ("a.example", "http://a.example", true),
        ("a.example:3000", "http://a.example:3000", true),
        ("192.168.0.2:3000", "http://192.168.0.2:3000", true),
        ("localhost.example", "http://localhost.example", true),
        ("localhost:3000", "http://localhost:3000", false),
        ("app.localhost:3000", "http://app.localhost:3000", false),
        ("127.0.0.1:3000", "http://127.0.0.1:3000", false),
        ("[::1]:3000", "http://[::1]:3000", false),
    ] {
        let request = Request::get("/socket")
            .header("upgrade", "websocket")
            .header("host", host)
            .header("cookie", &cookie)
            .header("origin", origin);
        let request = request.body(Body::empty()).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        let kind = answer.extensions().get().copied();
        let foreign = is_foreign.then_some(RejectionKind::ForeignOrigin);
        assert_eq!(kind, foreign, "{host} {origin}");
    }
}

#[tokio::test]
async fn c50_foreign_handshake_without_a_session_gets_401() {
    let world = World::start().await;
    let request = Request::get("/socket")
        .header("upgrade", "websocket")
        .header("host", "a.example")
        .header("origin", "https://b.example");
    let request = request.body(Body::empty()).unwrap();
    let answer = app(&world).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 401);
}
