//! Answers that a client can ask for again without paying for them.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

/// 200 with the body and its `ETag`, or 304 if the request has that already.
pub(super) fn json_answer(body: &Value, request: &HeaderMap) -> Response {
    let text = body.to_string();
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let etag = format!("\"{:016x}\"", hasher.finish());
    let known = request.get(header::IF_NONE_MATCH);
    let known = known.is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let (status, body) = match known {
        true => (StatusCode::NOT_MODIFIED, Body::empty()),
        false => (StatusCode::OK, Body::from(text)),
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    let etag = HeaderValue::try_from(etag).expect("hexadecimal digits in quotes");
    headers.insert(header::ETAG, etag);
    answer
}
