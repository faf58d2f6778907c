//! Faulty answers, as a [`Fault`](super::Fault) specifies.

use std::io;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use super::refusal::Refusal;

/// How deep [`nested_arrays`] goes: far beyond what a recursive reader should follow.
const DEPTH: usize = 100_000;

/// The size of the pieces that an oversized body is sent in.
const PIECE: usize = 64 * 1024;

pub(super) fn rate_limited(retry_after: Option<&str>) -> Response {
    let mut answer = Refusal::RATE_LIMIT.into_response();
    if let Some(Ok(value)) = retry_after.map(HeaderValue::from_str) {
        answer.headers_mut().insert(header::RETRY_AFTER, value);
    }
    answer
}

pub(super) fn html_503() -> Response {
    let page = "<!DOCTYPE html><title>Maintenance</title><h1>Offline for maintenance</h1>";
    (StatusCode::SERVICE_UNAVAILABLE, Html(page)).into_response()
}

/// Marks an answer that must not get a `Request-Id`.
#[derive(Clone, Copy, Debug)]
pub(super) struct WithoutRequestId;

/// The answer of a proxy in front of Heroku.
pub(super) fn without_request_id(answer: impl IntoResponse) -> Response {
    let mut answer = answer.into_response();
    answer.extensions_mut().insert(WithoutRequestId);
    answer
}

pub(super) fn html(status: StatusCode) -> Response {
    let page = format!("<!DOCTYPE html><title>{status}</title><h1>{status}</h1>");
    without_request_id((status, Html(page)))
}

pub(super) fn error(status: StatusCode, id: &str) -> Response {
    let body = serde_json::json!({ "id": id, "message": "A simulated failure." });
    (status, axum::Json(body)).into_response()
}

pub(super) fn json_text(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

pub(super) fn nested_arrays() -> String {
    "[".repeat(DEPTH) + &"]".repeat(DEPTH)
}

pub(super) fn redirect(to: &str) -> Response {
    let mut answer = StatusCode::FOUND.into_response();
    if let Ok(to) = HeaderValue::from_str(to) {
        answer.headers_mut().insert(header::LOCATION, to);
    }
    answer
}

/// The first half of an answer, under the length of the whole; then the connection ends.
pub(super) async fn truncated(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let whole = whole(body).await;
    // An empty body has no half: announce one byte that is never sent.
    let announced = whole.len().max(1);
    parts
        .headers
        .insert(header::CONTENT_LENGTH, announced.into());
    let half = whole.slice(..whole.len() / 2);
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        // The second item waits until the first was taken, so that the first is sent before the end.
        let _ = sender.send(Ok(half)).await;
        let _ = sender
            .send(Err(io::Error::from(io::ErrorKind::UnexpectedEof)))
            .await;
    });
    Response::from_parts(parts, Body::from_stream(ReceiverStream::new(receiver)))
}

/// A JSON array of exactly this many bytes (at least 2), in chunks that are generated while it is read.
pub(super) fn oversized(bytes: usize) -> Response {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(1);
    tokio::spawn(async move {
        let spaces = Bytes::from(vec![b' '; PIECE]);
        let mut left = bytes.saturating_sub(2);
        let mut sent = sender.send(Ok(Bytes::from_static(b"["))).await;
        while sent.is_ok() && left > 0 {
            let piece = spaces.slice(..left.min(PIECE));
            left -= piece.len();
            sent = sender.send(Ok(piece)).await;
        }
        let _ = sender.send(Ok(Bytes::from_static(b"]"))).await;
    });
    let body = Body::from_stream(ReceiverStream::new(receiver));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The answer as 206, with this `Next-Range` or none.
pub(super) fn partial(mut answer: Response, next_range: Option<&'static str>) -> Response {
    if answer.status().is_success() {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    answer.headers_mut().remove("next-range");
    if let Some(range) = next_range {
        let range = HeaderValue::from_static(range);
        answer.headers_mut().insert("next-range", range);
    }
    answer
}

/// The answer with another id: its own, or that of the app that its entries belong to.
pub(super) async fn about_another(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let whole = whole(body).await;
    let Ok(mut body) = serde_json::from_slice::<Value>(&whole) else {
        return Response::from_parts(parts, Body::from(whole));
    };
    let another = Value::from(Uuid::new_v4().to_string());
    let replace = |id: Option<&mut Value>| {
        if let Some(id) = id {
            *id = another.clone();
        }
    };
    match &mut body {
        Value::Array(entries) => {
            for entry in entries {
                // A list of attachments names one app each, of one add-on.
                let subject = match entry.get("addon") {
                    Some(_) => "/addon/id",
                    None => "/app/id",
                };
                replace(entry.pointer_mut(subject));
            }
        }
        object => replace(object.get_mut("id")),
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::ETAG);
    Response::from_parts(parts, Body::from(body.to_string()))
}

async fn whole(body: Body) -> Bytes {
    // These are the simulator's own bodies: in memory already, and they cannot fail.
    to_bytes(body, usize::MAX).await.unwrap_or_default()
}
