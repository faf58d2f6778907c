//! A small app that replaces a Rails or Node dashboard. It knows nothing of Heroku except the assertion.

use std::convert::Infallible;
use std::error::Error;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};
use bytes::Bytes;
use heroku_sso_assertion::{AssertedUser, VerifyAssertion};
use http_body_util::BodyExt;
use maud::{DOCTYPE, html};
use tokio::net::TcpListener;
use tokio_stream::wrappers::IntervalStream;
use tokio_stream::{Stream, StreamExt};

use crate::{AUDIENCE, ISSUER};

/// Of 64 KiB each.
const CHUNKS: usize = 512;

/// Starts the upstream on a free port of this machine, for the proxy at this address. Returns its own
/// address.
pub(crate) async fn start(proxy: SocketAddr) -> Result<String, Box<dyn Error>> {
    let keys = format!("http://{proxy}/.well-known/jwks.json");
    let verify = VerifyAssertion::from_jwks_url(&keys, ISSUER, AUDIENCE)?;
    let app = Router::new()
        .route("/", get(index))
        .route("/events", get(events))
        .route("/socket", any(socket))
        .route("/upload", post(upload))
        .route("/download", get(download))
        .route("/echo", post(echo))
        .layer(verify)
        .route("/received", any(received)); // outside: it shows the whole request, with the assertion
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(format!("http://{address}"))
}

async fn index(user: AssertedUser) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { "Upstream of " (user.app_name()) }
            }
            body {
                main {
                    h1 { "Upstream of " (user.app_name()) }
                    p { "The assertion says " (user.email()) "." }
                    ul {
                        li { a href="/events" { "A stream of events, until your access ends" } }
                        li { a href="/download" { "A large download" } }
                        li { a href="/received" { "What came from your browser through the proxy" } }
                    }
                    form method="post" action="/logout" { button { "Sign out" } }
                }
            }
        }
    };
    Html(page.into_string())
}

async fn events(user: AssertedUser) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let ticks = IntervalStream::new(tokio::time::interval(Duration::from_secs(1)));
    let events = ticks.map(move |_| Event::default().data(user.app_name()));
    Sse::new(events.map(Ok))
}

/// Echoes each message.
async fn socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket: WebSocket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    })
}

/// The number of bytes received.
async fn upload(body: Body) -> Result<String, StatusCode> {
    let mut bytes = 0;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        bytes += chunk.map_err(|_| StatusCode::BAD_REQUEST)?.len();
    }
    Ok(bytes.to_string())
}

async fn download() -> Response {
    let chunk = Bytes::from_static(&[b'x'; 64 * 1024]);
    let chunks = std::iter::repeat_n(Ok::<_, Infallible>(chunk), CHUNKS);
    let body = Body::from_stream(tokio_stream::iter(chunks));
    ([(CONTENT_TYPE, "application/octet-stream")], body).into_response()
}

/// Each chunk of the body as soon as it arrives.
async fn echo(body: Body) -> Body {
    body
}

/// Request line, headers and trailers, as received.
async fn received(request: Request) -> Result<String, StatusCode> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| StatusCode::BAD_REQUEST)?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    let mut text = format!("{} {}\n", parts.method, parts.uri);
    for (kind, fields) in [("header", parts.headers), ("trailer", trailers)] {
        for (name, value) in &fields {
            let value = String::from_utf8_lossy(value.as_bytes());
            let _ = writeln!(text, "{kind} {name}: {value}");
        }
    }
    Ok(text)
}
