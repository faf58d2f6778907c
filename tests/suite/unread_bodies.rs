//! Rejected uploads: the client receives the answer, although the gate has no use for the body.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use support::world::{World, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_heroku_sso::{Require, Role};

use crate::raw;

const MB: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a request with a body of this size, and then reads. A client that cannot send gives up.
async fn upload(
    address: SocketAddr,
    path: &str,
    size: usize,
    lines: &str,
) -> Result<String, ErrorKind> {
    let uploaded = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Length: {size}\r\n{lines}\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let piece = vec![b'x'; 64 * 1024];
        let mut left = size;
        while left > 0 {
            let next = piece.len().min(left);
            stream.write_all(&piece[..next]).await?;
            left -= next;
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    let uploaded = timeout(PATIENCE, uploaded).await;
    uploaded
        .expect("no upload hangs")
        .map_err(|error: std::io::Error| error.kind())
}

async fn site(world: &World) -> SocketAddr {
    let owners = Router::new()
        .route("/owners", post(|| async { "in" }))
        .route_layer(Require::role(Role::Owner));
    let app = Router::new()
        .route("/import", post(|| async { "in" }))
        .merge(owners)
        .layer(world.sso.layer())
        .merge(world.sso.routes().sign_in());
    serve(app).await
}

#[tokio::test]
async fn c22_rejected_upload_of_8_mb_always_reads_its_answer() {
    let world = World::start().await;
    let address = site(&world).await;
    for size in [MB, 8 * MB] {
        for _ in 0..20 {
            let answer = upload(address, "/import", size, "").await;
            let answer = answer.unwrap_or_else(|error| panic!("{size}: {error}"));
            assert_eq!(raw::status(&answer), 401, "{answer}");
        }
    }
}

#[tokio::test]
async fn c22_rejected_upload_of_20_mb_never_hangs() {
    let world = World::start().await;
    let address = site(&world).await;
    for _ in 0..20 {
        match upload(address, "/import", 20 * MB, "").await {
            Ok(answer) => assert_eq!(raw::status(&answer), 401, "{answer}"),
            Err(error) => assert!(
                [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&error),
                "{error}"
            ),
        }
    }
}

/// Every answer of the gate's own, and of its role guard.
#[tokio::test]
async fn c22_every_rejection_of_an_upload_is_read() {
    let world = World::start().await;
    let address = site(&world).await;
    let addon = world.addon().await;
    let ann = support::browser::Browser::new(address);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(ann.submit(&form).await.status, 303);
    let cookie = ann.cookie("__Host-heroku_sso").unwrap();
    let cookie = format!("Cookie: __Host-heroku_sso={cookie}\r\n");
    for (path, lines, status) in [
        ("/owners", &*cookie, 403),
        ("/heroku/sso", "", 415),
        (
            "/heroku/sso",
            "Content-Type: application/x-www-form-urlencoded\r\n",
            413,
        ),
        ("/heroku/sso?email=x", "", 403),
        ("/logout", "Sec-Fetch-Site: cross-site\r\n", 403),
        ("/logout", &*cookie, 204),
    ] {
        let answer = upload(address, path, 4 * MB, lines).await;
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(raw::status(&answer), status, "{path}: {answer}");
    }
}

/// The client asks first: the answer is no.
#[tokio::test]
async fn c22_client_that_expects_100_is_not_asked_for_its_body() {
    let world = World::start().await;
    let address = site(&world).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /import HTTP/1.1\r\nHost: {address}\r\nContent-Length: {MB}\r\n\
         Expect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    let read = stream.read_exact(&mut begin);
    timeout(PATIENCE, read).await.unwrap().unwrap();
    assert_eq!(&begin, b"HTTP/1.1 401");
}

/// A body that trickles in is waited for until its limit of 5 seconds, which is well before the 15 seconds of
/// the whole request.
#[tokio::test]
async fn c22_trickling_upload_is_answered_after_5_seconds() {
    let world = World::start().await;
    let address = site(&world).await;
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST /import HTTP/1.1\r\nHost: {address}\r\nContent-Length: 9\r\n\r\nx");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    let read = stream.read_exact(&mut begin);
    timeout(PATIENCE, read).await.unwrap().unwrap();
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(5), "{waited:?}");
    assert!(waited < Duration::from_secs(13), "{waited:?}");
    assert_eq!(&begin, b"HTTP/1.1 401");
}
