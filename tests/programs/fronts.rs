//! A real nginx in front, which takes a prefix off the path and passes WebSockets on.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::{Html, Response};
use axum::routing::{any, get};
use reqwest::Method;
use support::browser::Browser;
use support::process::{Process, START};
use support::world::{UNUSED, World, serve};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tower_heroku_sso::HerokuUser;

/// Without TLS, which nginx would end.
const SESSION: &str = "heroku_sso";

struct Front {
    address: SocketAddr,
    _nginx: Process,
    _files: TempDir,
}

/// The configuration as a partner would write it. Only the folders and ports are those of a test.
fn configuration(files: &Path, front: SocketAddr, app: SocketAddr) -> String {
    let files = files.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {files}/{kind};\n"))
        .concat();
    format!(
        "daemon off; worker_processes 1; pid {files}/pid; error_log stderr;
         events {{}}
         http {{
             access_log off;
             {temporary}
             map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
             server {{
                 listen {front};
                 location /portal/ {{
                     proxy_pass http://{app}/;
                     proxy_http_version 1.1;
                     proxy_set_header Upgrade $http_upgrade;
                     proxy_set_header Connection $connection_upgrade;
                 }}
             }}
         }}"
    )
}

impl Front {
    async fn before(app: SocketAddr, front: SocketAddr) -> Self {
        let files = tempfile::tempdir().unwrap();
        let path = files.path().join("nginx.conf");
        fs::write(&path, configuration(files.path(), front, app)).unwrap();
        let mut command = Command::new(program());
        command.arg("-c").arg(&path).arg("-p").arg(files.path());
        // As root, its worker would be another user, who cannot write there.
        command.args(["-g", "user root;"]);
        let nginx = Process::start(&mut command, files.path());
        let nginx =
            nginx.unwrap_or_else(|error| panic!("nginx: {error}; run scripts/requirements"));
        let deadline = Instant::now() + START;
        while TcpStream::connect(front).await.is_err() {
            assert!(Instant::now() < deadline, "{}", nginx.log());
            sleep(Duration::from_millis(50)).await;
        }
        Self {
            address: front,
            _nginx: nginx,
            _files: files,
        }
    }

    fn browser(&self) -> Browser {
        Browser::new(self.address)
    }
}

/// Debian keeps it where only root looks.
fn program() -> &'static str {
    match Path::new("/usr/sbin/nginx").exists() {
        true => "/usr/sbin/nginx",
        false => "nginx",
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

async fn socket(upgrade: WebSocketUpgrade, user: HerokuUser) -> Response {
    upgrade.on_upgrade(|mut socket: WebSocket| async move {
        let _ = socket.send(Message::text(user.email().as_str())).await;
    })
}

/// A site whose users see `/portal/…` of the front.
async fn portal() -> (World, Front) {
    let front = free_address();
    let public_url = format!("http://{front}/portal/").parse().unwrap();
    let world = World::with(|builder| {
        let builder = builder.insecure_cookies();
        builder.public_url(public_url)
    })
    .await;
    let page = async |user: HerokuUser| Html(user.sign_out_path());
    let app = Router::new()
        .route("/", get(async || Html("landed")))
        .route("/page", get(page))
        .route("/socket", any(socket))
        .layer(world.sso.layer())
        .merge(world.sso.routes().sign_in());
    let front = Front::before(serve(app).await, front).await;
    (world, front)
}

#[tokio::test]
async fn c32_site_below_a_prefix_of_nginx_works_as_a_whole() {
    let (world, front) = portal().await;
    let addon = world.addon().await;
    let browser = front.browser();
    let sign_in = async || {
        let form = addon.sign_in_form("ann@example.com").body();
        let answer = browser.submit_body("/portal/heroku/sso", &form).await;
        let location = answer.header("location").map(str::to_owned);
        assert_eq!(
            (answer.status, location.as_deref()),
            (303, Some("/portal/"))
        );
    };
    sign_in().await;
    assert_eq!(browser.get("/portal/").await.body, "landed");
    assert_eq!(browser.get("/portal/page").await.body, "/portal/logout");

    world.clock.advance(UNUSED);
    assert_eq!(browser.get("/portal/page?tab=1").await.status, 303);
    sign_in().await;
    let landing = browser.get("/portal/").await;
    assert_eq!(landing.header("location"), Some("/portal/page?tab=1"));

    let request = browser.request(Method::POST, "/portal/logout");
    let request = request.header("origin", format!("http://{}", front.address));
    let answer = browser.send(request.header("accept", "text/html")).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/portal/logout"))
    );
    let page = browser.get("/portal/logout").await;
    assert!(page.body.contains("You are signed out"), "{}", page.body);
    assert_eq!(browser.get("/portal/page").await.status, 401);
}

/// nginx passes its own `Host` on, so only the configured address can be compared.
#[tokio::test]
async fn c50_websocket_through_nginx_is_for_pages_of_the_site_only() {
    let (world, front) = portal().await;
    let addon = world.addon().await;
    let browser = front.browser();
    let form = addon.sign_in_form("ann@example.com").body();
    assert_eq!(
        browser
            .submit_body("/portal/heroku/sso", &form)
            .await
            .status,
        303
    );
    let session = browser.cookie(SESSION).unwrap();
    for (origin, is_own) in [
        (format!("http://{}", front.address), true),
        (format!("http://localhost:{}", front.address.port()), false),
        ("https://evil.example".to_owned(), false),
        ("null".to_owned(), false),
    ] {
        let url = format!("ws://{}/portal/socket", front.address);
        let mut request = url.into_client_request().unwrap();
        let cookie = format!("{SESSION}={session}");
        request
            .headers_mut()
            .insert("cookie", cookie.parse().unwrap());
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
        match tokio_tungstenite::connect_async(request).await {
            Ok((_, answer)) => assert!(is_own && answer.status() == 101, "{origin}"),
            Err(Error::Http(answer)) => assert!(!is_own && answer.status() == 403, "{origin}"),
            Err(error) => panic!("{origin}: {error}"),
        }
    }
}
