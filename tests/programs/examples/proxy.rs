//! The gate in front of an upstream, over real HTTP.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::time::Duration;

use reqwest::Method;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::examples::raw::{Connection, values};
use support::browser::{Answer, Browser};
use support::running::Running;

const SESSION: &str = "heroku_sso";
const ASSERTION: &str = "x-heroku-sso-assertion";
const MIB: usize = 1024 * 1024;

/// The demo in front of the test's upstream.
async fn in_front_of(upstream: SocketAddr) -> Running {
    let variables = [
        ("SIMULATOR_PORT", "0".to_owned()),
        ("UPSTREAM_URL", format!("http://{upstream}")),
        ("UPSTREAM_TIMEOUT_SECS", "1".to_owned()),
    ];
    Running::start("proxy", "add-on", &variables, true).await
}

async fn olivia(proxy: &Running) -> Browser {
    proxy.signed_in("recipe-box", "olivia@example.com").await
}

async fn carlos(proxy: &Running) -> Browser {
    proxy.signed_in("recipe-box", "carlos@example.com").await
}

fn cookie(browser: &Browser) -> String {
    let session = browser.cookie(SESSION).unwrap();
    format!("Cookie: {SESSION}={session}")
}

async fn sign_out(browser: &Browser) -> Answer {
    browser.send(browser.request(Method::POST, "/logout")).await
}

/// Reads until the stream ends, with or without an error.
async fn assert_ends(mut response: reqwest::Response) {
    let end = async { while let Ok(Some(_)) = response.chunk().await {} };
    let ended = timeout(Duration::from_secs(20), end).await;
    ended.expect("the stream ends");
}

async fn open_events(browser: &Browser) -> reqwest::Response {
    let request = browser.request(Method::GET, "/events");
    let mut response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let first = response.chunk().await.unwrap().unwrap();
    assert_eq!(&first[..], b"data: recipe-box\n\n");
    response
}

#[tokio::test]
async fn upstream_gets_the_user_from_a_verified_assertion() {
    let proxy = Running::demo("proxy").await;
    let browser = olivia(&proxy).await;
    let page = browser.get("/").await;
    assert_eq!(page.status, 200, "{}", page.body);
    for text in ["olivia@example.com", "recipe-box"] {
        assert!(page.body.contains(text), "{text} in {}", page.body);
    }
    assert_eq!(page.header("vary"), Some("Cookie"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(browser.get("/no-such-page").await.status, 404);
    let keys = proxy.browser().fetch("/.well-known/jwks.json").await;
    assert_eq!(keys.json()["keys"][0]["crv"], "P-256");
    assert_eq!(sign_out(&browser).await.status, 204);
    assert_eq!(browser.fetch("/").await.status, 401);
}

#[tokio::test]
async fn unauthenticated_request_never_reaches_the_upstream() {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let proxy = in_front_of(listener.local_addr().unwrap()).await;
    let stranger = proxy.browser();
    for path in ["/", "/events", "//", "/heroku/../", "/%2e%2e/"] {
        assert_eq!(stranger.fetch(path).await.status, 401, "{path}");
        assert_eq!(stranger.get(path).await.status, 401, "{path}");
        let post = stranger.request(Method::POST, path).body("x");
        assert_eq!(stranger.send(post).await.status, 401, "{path}");
    }
    for name in [ASSERTION, "x_heroku_sso_assertion", "authorization"] {
        let forged = stranger.request(Method::GET, "/").header(name, "forged");
        assert_eq!(stranger.send(forged).await.status, 401, "{name}");
    }
    let upgrade = format!("ws://{}/socket", proxy.address);
    assert!(tokio_tungstenite::connect_async(upgrade).await.is_err());
    assert!(listener.accept().is_err(), "a request reached the upstream");

    // A signed-in user reaches the upstream.
    let browser = olivia(&proxy).await;
    assert_eq!(browser.fetch("/").await.status, 504);
    assert!(listener.accept().is_ok());
}

#[tokio::test]
async fn a57_a58_a59_forged_assertion_is_removed_in_any_spelling() {
    let proxy = Running::demo("proxy").await;
    let browser = olivia(&proxy).await;
    for spelling in [
        ASSERTION,
        "X-Heroku-SSO-Assertion",
        "x_heroku_sso_assertion",
        "X_HEROKU-sso_assertion",
    ] {
        let name = format!("{spelling}: forged");
        let mut connection = Connection::to(proxy.address).await;
        let head = [
            "POST /received HTTP/1.1",
            "Host: addon.example.com",
            &cookie(&browser),
            &name,
            &name,
            "Connection: close, x-heroku-sso-assertion",
            "Transfer-Encoding: chunked",
            &format!("Trailer: {spelling}, x-checksum"),
        ];
        connection.send_head(&head).await;
        let trailers = ["0", &name, &name, "x-checksum: 5"];
        connection.send("5\r\nhello\r\n").await;
        connection.send_head(&trailers).await;
        let answer = connection.rest().await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("POST /received"), "{answer}");
        assert!(!answer.contains("forged"), "{spelling}: {answer}");
        let asserted = values(answer, &format!("header {ASSERTION}"));
        assert_eq!(asserted.len(), 1, "{spelling}: {answer}");
        assert_eq!(asserted[0].split('.').count(), 3);
    }
    let forged = browser.request(Method::GET, "/");
    let forged = forged.header(ASSERTION, "forged");
    let forged = forged.header("connection", ASSERTION);
    let page = browser.send(forged).await;
    assert!(page.body.contains("olivia@example.com"), "{}", page.body);
}

#[tokio::test]
async fn gate_cookies_are_removed_and_upstream_cookies_forwarded() {
    let proxy = Running::demo("proxy").await;
    let browser = olivia(&proxy).await;
    let set: Vec<_> = ["heroku_sso", "heroku_sso_hint"]
        .map(|name| (name, browser.cookie(name).unwrap()))
        .into();
    browser.set_cookie("_rails_session", "a=b; ");
    browser.set_cookie("__Host-heroku_sso", "x");
    browser.set_cookie("heroku_sso_back", "x");
    browser.set_cookie("heroku_ssonot", "kept");
    let received = browser.fetch("/received").await.body;
    let cookies = values(&received, "header cookie");
    assert_eq!(cookies, ["_rails_session=a=b; heroku_ssonot=kept"]);
    for (name, value) in set {
        assert!(!received.contains(&value), "{name} in {received}");
    }
    browser.drop_cookie("_rails_session");
    browser.drop_cookie("heroku_ssonot");
    let received = browser.fetch("/received").await.body;
    assert!(values(&received, "header cookie").is_empty(), "{received}");
}

#[tokio::test]
async fn hop_by_hop_headers_are_not_forwarded() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = in_front_of(listener.local_addr().unwrap()).await;
    let browser = olivia(&proxy).await;
    let mut client = Connection::to(proxy.address).await;
    let head = [
        "GET /a%2Fb/../c;d?e=%20&f HTTP/1.1",
        "Host: addon.example.com",
        &cookie(&browser),
        "Connection: close, X-Private",
        "Keep-Alive: timeout=9",
        "Proxy-Connection: close",
        "Upgrade: h2c",
        "TE: gzip",
        "X-Private: inward",
        "X-Public: onward",
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-Host: evil.example",
        "X_Forwarded_Host: evil.example",
        "Forwarded: for=evil.example;host=evil.example",
    ];
    client.send_head(&head).await;

    let mut upstream = Connection::of(listener.accept().await.unwrap().0);
    upstream.until("\r\n\r\n").await;
    let came = upstream.came.clone();
    assert!(
        came.starts_with("GET /a%2Fb/../c;d?e=%20&f HTTP/1.1\r\n"),
        "{came}"
    );
    for gone in [
        "inward",
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "te:",
        "evil",
    ] {
        assert!(!came.to_lowercase().contains(gone), "{gone} in {came}");
    }
    assert_eq!(values(&came, "x-public"), ["onward"]);
    assert_eq!(values(&came, "host"), ["addon.example.com"]);
    assert_eq!(values(&came, "x-forwarded-host"), ["addon.example.com"]);
    assert_eq!(values(&came, "x-forwarded-for"), ["203.0.113.9, 127.0.0.1"]);
    assert_eq!(values(&came, "x-forwarded-proto"), ["http"]);

    let head = [
        "HTTP/1.1 203 Somehow",
        "Connection: X-Inner, keep-alive",
        "Keep-Alive: timeout=8",
        "Proxy-Connection: keep-alive",
        "X-Inner: outward",
        "X-Outer: onward",
        "Cache-Control: public, max-age=60",
        "Vary: Accept",
        "Set-Cookie: _rails_session=1; Path=/",
        "Content-Length: 2",
    ];
    upstream.send_head(&head).await;
    upstream.send("ok").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 203 "), "{answer}");
    for gone in ["outward", "keep-alive", "proxy-connection"] {
        assert!(!answer.to_lowercase().contains(gone), "{gone} in {answer}");
    }
    assert_eq!(values(answer, "x-outer"), ["onward"]);
    assert_eq!(values(answer, "cache-control"), ["public, max-age=60"]);
    assert_eq!(values(answer, "vary"), ["Accept", "Cookie"]);
    assert!(answer.contains("_rails_session=1; Path=/"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
}

#[tokio::test]
async fn odd_request_targets_cause_no_crash_and_no_other_upstream() {
    let proxy = Running::demo("proxy").await;
    let browser = olivia(&proxy).await;
    for (target, expected) in [
        ("OPTIONS *", "HTTP/1.1 404"),
        ("CONNECT evil.example:80", "HTTP/1.1 501"),
        ("GET http://evil.example/received", "HTTP/1.1 200"),
        ("GET //received", "HTTP/1.1 404"),
    ] {
        let mut connection = Connection::to(proxy.address).await;
        let line = format!("{target} HTTP/1.1");
        let head = [
            &line,
            "Host: addon.example.com",
            &cookie(&browser),
            "Connection: close",
        ];
        connection.send_head(&head).await;
        let answer = connection.rest().await;
        assert!(answer.starts_with(expected), "{target}: {answer}");
    }
}

#[tokio::test]
async fn bodies_stream_in_both_directions() {
    let proxy = Running::demo("proxy").await;
    let browser = olivia(&proxy).await;
    let mut connection = Connection::to(proxy.address).await;
    let head = [
        "POST /echo HTTP/1.1",
        "Host: addon.example.com",
        &cookie(&browser),
        "Connection: close",
        "Transfer-Encoding: chunked",
    ];
    connection.send_head(&head).await;
    // Each piece returns before the next one is sent.
    for piece in ["first", "again", "third"] {
        connection.send(&format!("5\r\n{piece}\r\n")).await;
        connection.until(piece).await;
    }
    connection.send("0\r\n\r\n").await;
    assert!(connection.rest().await.ends_with("0\r\n\r\n"));

    let upload = browser.request(Method::POST, "/upload");
    let upload = browser.send(upload.body(vec![b'x'; 48 * MIB])).await;
    assert_eq!(upload.body, (48 * MIB).to_string());
    let download = browser.request(Method::GET, "/download");
    let mut download = download.send().await.unwrap();
    let mut bytes = 0;
    while let Some(chunk) = download.chunk().await.unwrap() {
        bytes += chunk.len();
    }
    assert_eq!(bytes, 32 * MIB);
}

#[tokio::test]
async fn a40_event_stream_ends_at_sign_out() {
    let proxy = Running::demo("proxy").await;
    let (browser, other) = (olivia(&proxy).await, carlos(&proxy).await);
    let events = open_events(&browser).await;
    let mut others = open_events(&other).await;
    assert_eq!(sign_out(&browser).await.status, 204);
    assert_ends(events).await;
    assert!(others.chunk().await.unwrap().is_some());
}

#[tokio::test]
async fn a40_event_stream_ends_when_its_user_is_removed_at_heroku() {
    let proxy = Running::demo("proxy").await;
    let browser = carlos(&proxy).await;
    let events = open_events(&browser).await;
    let action = proxy.action("recipe-box", "/remove").await;
    let fields = [("email", "carlos@example.com"), ("list", "app")];
    assert_eq!(proxy.at_heroku(&action, &fields).await.status, 303);
    assert_ends(events).await;
    assert_eq!(browser.fetch("/").await.status, 403);
}

#[tokio::test]
async fn a40_websocket_closes_at_sign_out() {
    let proxy = Running::demo("proxy").await;
    let (browser, other) = (olivia(&proxy).await, carlos(&proxy).await);
    let mut sockets = Vec::new();
    for browser in [&browser, &other] {
        let mut socket = Connection::to(proxy.address).await;
        let head = [
            "GET /socket HTTP/1.1",
            "Host: addon.example.com",
            &cookie(browser),
            "Connection: keep-alive, Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        socket.send_head(&head).await;
        socket.until("\r\n\r\n").await;
        assert!(socket.came.starts_with("HTTP/1.1 101"), "{}", socket.came);
        let accepted = values(&socket.came, "sec-websocket-accept");
        assert_eq!(accepted, ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
        socket.send_message("hello").await;
        socket.until("hello").await;
        sockets.push(socket);
    }
    let [mut cut, mut left]: [_; 2] = sockets.try_into().ok().unwrap();
    assert_eq!(sign_out(&browser).await.status, 204);
    cut.rest().await;
    left.send_message("still here").await;
    left.until("still here").await;
}

#[tokio::test]
async fn unavailable_upstream_gives_502_until_it_recovers() {
    let address = {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let proxy = in_front_of(address).await;
    let browser = olivia(&proxy).await;
    let page = browser.get("/").await;
    assert_eq!(page.status, 502);
    assert!(page.body.contains("The dashboard does not answer"));
    let problem = browser.fetch("/").await;
    let kind = problem.header("content-type");
    assert_eq!(kind, Some("application/problem+json"));
    assert_eq!(problem.json()["status"], 502);
    assert_eq!(problem.header("cache-control"), Some("no-store"));
    assert_eq!(browser.fetch("/healthz").await.status, 200);

    let listener = TcpListener::bind(address).await.unwrap();
    let back = browser.fetch("/");
    let answer = async {
        let mut upstream = Connection::of(listener.accept().await.unwrap().0);
        upstream.until("\r\n\r\n").await;
        let head = ["HTTP/1.1 200 OK", "Content-Length: 4"];
        upstream.send_head(&head).await;
        upstream.send("back").await;
    };
    assert_eq!(tokio::join!(back, answer).0.body, "back");

    // A connection that is accepted but never answered.
    let slow = browser.get("/").await;
    assert_eq!(slow.status, 504);
    assert!(slow.body.contains("takes too long"), "{}", slow.body);
}
