//! Slow and endless request bodies. The connection is a pipe in memory, and tokio's paused time jumps to
//! the next timer.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum::serve::Listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::time::Instant;

use support::browser::FORM;

/// Accepts one connection only.
struct OnePipe(Option<DuplexStream>);

impl Listener for OnePipe {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.take() {
            Some(pipe) => (pipe, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection to a gate without resources.
async fn connect() -> (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>) {
    let sso = crate::setup::builder().build().await.unwrap();
    let app = Router::new()
        .route("/", get(|| async { "in" }))
        .layer(sso.layer());
    let (ours, theirs) = tokio::io::duplex(16 * 1024);
    let listener = OnePipe(Some(theirs));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    tokio::io::split(ours)
}

fn head(length: &str) -> String {
    format!("POST /heroku/sso HTTP/1.1\r\nHost: here\r\nContent-Type: {FORM}\r\n{length}\r\n\r\n")
}

/// Writes one piece per second until the other end closes.
fn drip(mut into: WriteHalf<DuplexStream>, piece: &'static [u8]) {
    tokio::spawn(async move {
        while into.write_all(piece).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
}

/// Reads until the other end closes.
async fn until_closed(mut from: ReadHalf<DuplexStream>) -> String {
    let mut answer = Vec::new();
    from.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a20_byte_per_second_body_gets_408_and_a_closed_connection() {
    for (length, piece) in [
        ("Content-Length: 1000", &b"x"[..]),
        ("Transfer-Encoding: chunked", b"1\r\nx\r\n"),
    ] {
        let begun = Instant::now();
        let (read, mut write) = connect().await;
        write.write_all(head(length).as_bytes()).await.unwrap();
        drip(write, piece);
        let answer = until_closed(read).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(begun.elapsed() <= Duration::from_secs(11), "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn a20_announced_10_gb_body_gets_413_immediately() {
    let (read, mut write) = connect().await;
    let begun = Instant::now();
    let announced = head("Content-Length: 10000000000");
    write.write_all(announced.as_bytes()).await.unwrap();
    drip(write, b"x");
    let answer = until_closed(read).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(begun.elapsed() <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a20_endless_chunked_body_gets_413_after_64_kib() {
    let (read, mut write) = connect().await;
    let endless = head("Transfer-Encoding: chunked");
    write.write_all(endless.as_bytes()).await.unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let sending = tokio::spawn(async move {
        let mut sent = 0;
        while write.write_all(chunk.as_bytes()).await.is_ok() {
            sent += 0x1000;
            assert!(sent < 1024 * 1024, "the server keeps reading");
        }
    });
    let answer = until_closed(read).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    sending.await.unwrap();
}
