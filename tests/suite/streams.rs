//! Responses that outlive the check at their start: event streams, downloads, WebSockets.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::Request;
use axum::response::Response;
use axum::routing::{any, get};
use bytes::Bytes;
use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use http_body_util::BodyExt as _;
use reqwest::Method;
use support::ids::AddOnExt as _;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tower::ServiceExt as _;
use tower_heroku_sso::sync::Change;
use tower_heroku_sso::{Clock as _, HerokuUser, WebhookSecret, Webhooks};

use crate::faulty::Faulty;
use support::browser::{Browser, FORM};
use support::world::{MAX_LIST_AGE, REFRESH, World, events, serve};

/// An endless body that is always ready.
async fn download() -> Body {
    let chunk = Bytes::from_static(&[b'x'; 4096]);
    Body::from_stream(tokio_stream::iter(std::iter::repeat(Ok::<_, Infallible>(
        chunk,
    ))))
}

async fn socket(upgrade: WebSocketUpgrade, user: HerokuUser) -> Response {
    upgrade.on_upgrade(|mut socket: WebSocket| async move {
        socket.send(Message::text("hello")).await.unwrap();
        user.ended().await;
        socket.send(Message::Close(None)).await.unwrap();
    })
}

/// Ann's browser, signed in to an app with streams.
pub async fn streams(world: &World) -> (AddOn, Browser) {
    let addon = world.addon().await;
    let app = Router::new()
        .route("/events", get(events))
        .route("/download", get(download))
        .route("/socket", any(socket))
        .layer(world.sso.layer());
    let browser = Browser::new(serve(app).await);
    let answer = browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(answer.status, 303);
    (addon, browser)
}

pub async fn open(browser: &Browser, path: &str) -> reqwest::Response {
    let mut response = browser.request(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.chunk().await.unwrap().is_some());
    response
}

/// Reads until the stream ends, with or without an error.
pub async fn assert_ends(mut response: reqwest::Response) {
    let end = async { while let Ok(Some(_)) = response.chunk().await {} };
    timeout(Duration::from_secs(60), end)
        .await
        .expect("the stream ends");
}

async fn assert_stays_open(response: &mut reqwest::Response) {
    let more = timeout(Duration::from_millis(200), response.chunk()).await;
    assert!(more.is_err(), "the stream ended or sent data");
}

#[tokio::test]
async fn a40_event_stream_ends_when_its_user_is_removed() {
    let world = World::start().await;
    let (addon, browser) = streams(&world).await;
    let mut events = open(&browser, "/events").await;
    world.refresh(&addon.resource_id()).await;
    assert_stays_open(&mut events).await;
    world.heroku.app("shop").remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    assert_ends(events).await;
}

/// The paths of long-lived responses.
const LASTING: [&str; 3] = ["/events", "/download", "/socket"];

/// A long-lived response that is being read.
enum Open {
    Body(reqwest::Response),
    Socket(WebSocketStream<MaybeTlsStream<TcpStream>>),
}

impl Open {
    async fn of(browser: &Browser, path: &str) -> Self {
        match path {
            "/socket" => Self::Socket(open_socket(browser).await),
            _ => Self::Body(open(browser, path).await),
        }
    }

    /// True if it has ended. A continuous download is read for a while.
    async fn is_over(&mut self) -> bool {
        let read = async {
            match self {
                Self::Body(body) => while let Ok(Some(_)) = body.chunk().await {},
                Self::Socket(socket) => {
                    while let Some(Ok(message)) = socket.next().await {
                        if message.is_close() {
                            break;
                        }
                    }
                }
            }
        };
        timeout(Duration::from_millis(100), read).await.is_ok()
    }

    async fn ends(mut self) {
        let ends = async { while !self.is_over().await {} };
        let ended = timeout(Duration::from_secs(60), ends).await;
        ended.expect("the response ends");
    }
}

async fn open_socket(browser: &Browser) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let session = browser.cookie("__Host-heroku_sso").unwrap();
    let url = browser.url("/socket").replacen("http", "ws", 1);
    let mut request = url.into_client_request().unwrap();
    let cookie = format!("__Host-heroku_sso={session}").parse().unwrap();
    request.headers_mut().insert("cookie", cookie);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let hello = socket.next().await.unwrap().unwrap();
    assert_eq!(hello.into_text().unwrap().as_str(), "hello");
    socket
}

#[tokio::test]
async fn c43_open_response_follows_its_list_until_its_user_is_removed() {
    for path in LASTING {
        let world = World::start().await;
        let (_, browser) = streams(&world).await;
        let _sync = world.sso.spawn_sync();
        let mut open = Open::of(&browser, path).await;
        // Longer than a request counts as use, shorter than the longest session life.
        for _ in 0..8 {
            let step = REFRESH.mul_f64(0.95);
            world.pass_until_fetched(step, Duration::ZERO).await;
            assert!(!open.is_over().await, "{path}");
        }
        world.heroku.app("shop").remove("ann@example.com");
        let gone = |change: &Change| matches!(change, Change::Removed { .. });
        world.pass_until(REFRESH.mul_f64(0.95), gone).await;
        open.ends().await;
    }
}

#[tokio::test]
async fn c43_open_response_fetches_its_list_without_a_sync() {
    for path in LASTING {
        let world = World::start().await;
        let (addon, browser) = streams(&world).await;
        let mut open = Open::of(&browser, path).await;
        let list = async || {
            let list = world.sso.lists().get(&addon.resource_id()).await;
            list.unwrap().expect("a list")
        };
        for _ in 0..3 {
            world.clock.advance(REFRESH + Duration::from_secs(1));
            // A list that is still on its way would be too old after the jump below.
            while list().await.fetched_at < world.clock.now() {
                assert!(!open.is_over().await, "{path}");
            }
            // Until the response is checked by it: a download that is not read is not checked.
            for _ in 0..3 {
                assert!(!open.is_over().await, "{path}");
            }
        }
        // A jump over all limits: the resource was in use all the time.
        world.clock.advance(MAX_LIST_AGE * 2);
        assert!(!open.is_over().await, "{path}");
        world.heroku.app("shop").remove("ann@example.com");
        world.clock.advance(REFRESH + Duration::from_secs(1));
        open.ends().await;
    }
}

#[tokio::test]
async fn c43_open_response_outlasts_an_outage_to_max_list_age() {
    for path in LASTING {
        for with_sync in [true, false] {
            let world = World::start().await;
            let (_, browser) = streams(&world).await;
            let sync = with_sync.then(|| world.sso.spawn_sync());
            let mut open = Open::of(&browser, path).await;
            world.heroku.faults().set(Endpoint::Any, Fault::Reset);
            for _ in 0..4 {
                world.clock.advance(MAX_LIST_AGE / 4);
                assert!(!open.is_over().await, "{path}, {with_sync}");
            }
            world.clock.advance(Duration::from_secs(1));
            open.ends().await;
            // The session itself is kept.
            world.heroku.faults().clear_all();
            let again = Open::of(&browser, path).await;
            drop((again, sync));
        }
    }
}

#[tokio::test]
async fn stream_is_not_cut_while_a_fetch_is_under_way() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let (_, browser) = streams(&world).await;
    let mut events = open(&browser, "/events").await;
    assert_stays_open(&mut events).await;
    store.hold("next_sequence");
    world.clock.advance(MAX_LIST_AGE * 2);
    assert_stays_open(&mut events).await;
    store.let_pass("next_sequence", 10);
    assert_stays_open(&mut events).await;
    // A sign-out during the fetch ends it.
    store.hold("next_sequence");
    world.clock.advance(MAX_LIST_AGE * 2);
    assert_stays_open(&mut events).await;
    let answer = browser.send(browser.request(Method::POST, "/logout")).await;
    assert_eq!(answer.status, 204);
    assert_ends(events).await;
}

#[tokio::test]
async fn open_response_ends_at_max_session() {
    for path in LASTING {
        let world = World::with(|builder| builder.max_session(REFRESH * 2)).await;
        let (addon, browser) = streams(&world).await;
        let mut open = Open::of(&browser, path).await;
        for _ in 0..3 {
            world.clock.advance(REFRESH / 2);
            world.refresh(&addon.resource_id()).await;
            assert!(!open.is_over().await, "{path}");
        }
        world.clock.advance(REFRESH / 2);
        open.ends().await;
    }
}

#[tokio::test]
async fn open_body_keeps_its_list_fresh() {
    let world = World::with(|builder| {
        let builder = builder.leave_streams_open();
        builder.in_use_for(REFRESH)
    })
    .await;
    let (_, browser) = streams(&world).await;
    let _sync = world.sso.spawn_sync();
    let events = open(&browser, "/events").await;
    for _ in 0..5 {
        let step = REFRESH.mul_f64(0.95);
        world.pass_until_fetched(step, Duration::ZERO).await;
    }
    drop(events);
    // The server detects that the client has disconnected.
    let unused = async {
        while world.sso.lists().health().await.in_use > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let unused = timeout(Duration::from_secs(60), unused).await;
    unused.expect("the resource is no longer in use");
}

/// Without a sync, the stream itself makes the next attempt.
#[tokio::test]
async fn stream_is_checked_again_a_minute_after_a_failed_fetch() {
    let world = World::start().await;
    let (addon, browser) = streams(&world).await;
    let mut events = open(&browser, "/events").await;
    assert_stays_open(&mut events).await;
    world.heroku.calls().clear();
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    world.clock.advance(REFRESH + Duration::from_secs(1));
    while world.heroku.calls().count(Endpoint::Any) == 0 {
        assert_stays_open(&mut events).await;
    }
    world.quiet().await;
    assert_stays_open(&mut events).await;
    world.heroku.faults().clear_all();
    addon.app().remove("ann@example.com");
    world.clock.advance(Duration::from_secs(60));
    assert_ends(events).await;
}

#[tokio::test]
async fn late_body_of_an_unused_resource_has_its_list_fetched() {
    let world = World::with(|builder| builder.leave_streams_open()).await;
    let addon = world.addon().await;
    let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (in_handler, waits) = (Arc::clone(&entered), Arc::clone(&go_on));
    let late = || async move {
        in_handler.notify_one();
        waits.notified().await;
        events().await
    };
    let app = Router::new()
        .route("/late", get(late))
        .layer(world.sso.layer());
    let browser = Browser::new(serve(app).await);
    let answer = browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(answer.status, 303);
    let _sync = world.sso.spawn_sync();
    world.quiet().await;
    let request = tokio::spawn(browser.request(Method::GET, "/late").send());
    entered.notified().await;
    world.heroku.calls().clear();
    world.clock.advance(Duration::from_secs(60 * 60));
    world.quiet().await;
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
    go_on.notify_one();
    let mut body = request.await.unwrap().unwrap();
    assert!(body.chunk().await.unwrap().is_some());
    let fetched = async {
        while world.heroku.calls().count(Endpoint::Collaborators) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let fetched = timeout(Duration::from_secs(60), fetched).await;
    fetched.expect("the open body keeps the resource in use");
}

#[tokio::test]
async fn event_stream_ends_at_sign_out() {
    let world = World::start().await;
    let (_, browser) = streams(&world).await;
    let events = open(&browser, "/events").await;
    let answer = browser.send(browser.request(Method::POST, "/logout")).await;
    assert_eq!(answer.status, 204);
    assert_ends(events).await;
}

#[tokio::test]
async fn a40_continuous_download_ends_at_deprovisioning() {
    let world = World::start().await;
    let (addon, browser) = streams(&world).await;
    let download = open(&browser, "/download").await;
    assert_eq!(addon.deprovision().await.unwrap().status, 204);
    assert_ends(download).await;
}

#[tokio::test]
async fn a40_continuous_download_ends_when_its_user_is_removed() {
    let world = World::start().await;
    let (addon, browser) = streams(&world).await;
    let download = open(&browser, "/download").await;
    world.heroku.app("shop").remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    assert_ends(download).await;
}

#[tokio::test]
async fn a40_websocket_closes_when_its_user_is_removed() {
    let world = World::start().await;
    let (addon, browser) = streams(&world).await;
    let url = browser.url("/socket").replacen("http", "ws", 1);
    assert!(
        tokio_tungstenite::connect_async(url.as_str())
            .await
            .is_err()
    );
    let mut socket = open_socket(&browser).await;

    world.heroku.app("shop").remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    let next = timeout(Duration::from_secs(60), socket.next())
        .await
        .unwrap();
    assert!(next.unwrap().unwrap().is_close());
}

#[tokio::test]
async fn leave_open_setting_keeps_streams_open() {
    let world = World::with(|builder| builder.leave_streams_open()).await;
    let (addon, browser) = streams(&world).await;
    let mut events = open(&browser, "/events").await;
    addon.deprovision().await.unwrap();
    assert_stays_open(&mut events).await;
}

#[tokio::test]
async fn stream_ends_when_its_user_is_revoked() {
    let world = World::start().await;
    let (addon, browser) = streams(&world).await;
    let mut response = open(&browser, "/events").await;
    assert_stays_open(&mut response).await;
    let ann = "ann@example.com".parse().unwrap();
    world
        .sso
        .sessions()
        .revoke(&addon.resource_id(), &ann)
        .await
        .unwrap();
    assert_ends(response).await;
}

#[tokio::test]
async fn stream_ends_on_a_removal_webhook() {
    let world = World::with(|builder| {
        let secret = WebhookSecret::new("a-webhook-secret-of-our-own").unwrap();
        builder.webhooks(Webhooks::new(secret))
    })
    .await;
    let (addon, browser) = streams(&world).await;
    let response = open(&browser, "/events").await;
    let body = serde_json::json!({
        "id": "1", "action": "destroy", "resource": "collaborator",
        "data": {
            "app": { "id": addon.app().id().to_string() },
            "user": { "email": "ann@example.com" },
        },
    });
    assert_eq!(crate::webhooks::send(&world, &body).await, 204);
    assert_ends(response).await;
}

#[tokio::test]
async fn slow_reader_of_few_frames_is_cut_after_a_revocation() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let frames = async || {
        let frame = Ok::<_, Infallible>(Bytes::from_static(b"frame"));
        Body::from_stream(tokio_stream::iter(vec![frame; 10]))
    };
    let app = Router::new()
        .route("/", get(frames))
        .layer(world.sso.layer());
    let name = "__Host-heroku_sso";
    let cookie = format!("{name}={}", browser.cookie(name).unwrap());
    let request = Request::get("/").header("cookie", cookie);
    let answer = app.oneshot(request.body(Body::empty()).unwrap()).await;
    let mut body = answer.unwrap().into_body();
    assert!(body.frame().await.is_some());
    let ann = "ann@example.com".parse().unwrap();
    world
        .sso
        .sessions()
        .revoke(&addon.resource_id(), &ann)
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(2));
    assert!(body.frame().await.unwrap().is_err());
    assert!(body.frame().await.is_none());
}

/// An event stream ends like a complete one, and its browser asks again. A download must not look complete.
#[tokio::test]
async fn c24_cut_download_is_an_error_and_an_event_stream_is_none() {
    let world = World::start().await;
    let addon = world.addon().await;
    let of =
        |kind: &'static str| get(move || async move { ([("content-type", kind)], events().await) });
    let sized = || async { ([("content-length", "1000000")], events().await) };
    let app = Router::new()
        .route("/events", of("text/event-stream; charset=utf-8"))
        .route("/chunked", of("application/octet-stream"))
        .route("/untyped", get(events))
        .route("/sized", get(sized))
        .layer(world.sso.layer());
    let address = serve(app).await;
    let browser = Browser::new(address);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    let paths = ["/events", "/chunked", "/untyped", "/sized"];
    let mut open_now = Vec::new();
    for path in paths {
        open_now.push((path, open(&browser, path).await));
    }
    world.heroku.app("shop").remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    for (path, mut response) in open_now {
        let end = timeout(Duration::from_secs(60), async {
            loop {
                match response.chunk().await {
                    Ok(Some(_)) => {}
                    Ok(None) => return true,
                    Err(_) => return false,
                }
            }
        });
        let is_complete = end.await.expect("the response ends");
        assert_eq!(is_complete, path == "/events", "{path}");
    }
}

/// Its reader may be slow: what it has not asked for yet must not reach a user without access.
#[tokio::test]
async fn body_that_is_first_read_after_the_access_ended_is_empty() {
    let world = World::start().await;
    let addon = world.addon().await;
    let app: Router = world
        .sso
        .protect(Router::new().route("/download", get(download)));
    let form = Request::post("/heroku/sso").header("content-type", FORM);
    let form = form.body(Body::from(addon.sign_in_form("ann@example.com").body()));
    let signed_in = app.clone().oneshot(form.unwrap()).await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap();
    let request = Request::get("/download").header("cookie", cookie.split(';').next().unwrap());
    let answer = app.oneshot(request.body(Body::empty()).unwrap()).await;
    let mut body = answer.unwrap().into_body();
    addon.app().remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    world.clock.advance(Duration::from_secs(2));
    let first = body.frame().await;
    assert!(!matches!(first, Some(Ok(_))), "{first:?}");
}
