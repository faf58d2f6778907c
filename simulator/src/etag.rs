//! Conditional requests: answers that a client can revalidate without their body.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

/// The `ETag` headers of answers. In a list of several pages each page has its own, for the entries of that
/// page only: a 304 for the first page says nothing about the others.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ETags {
    /// `"..."`; a request has to send exactly that to get 304.
    #[default]
    Strong,
    /// `W/"..."`; a request may send it with or without the `W/`.
    Weak,
    /// No `ETag`, and never a 304.
    None,
}

/// 200 with the body and its `ETag`, or 304 if the request names that `ETag`.
pub(super) fn json_answer(body: &Value, request: &HeaderMap, etags: ETags) -> Response {
    let text = body.to_string();
    let etag = etags.of(&text);
    let known = etag.as_ref().is_some_and(|etag| etags.knows(request, etag));
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
    if let Some(etag) = etag {
        let etag = HeaderValue::try_from(etag).expect("hexadecimal digits in quotes");
        headers.insert(header::ETAG, etag);
    }
    answer
}

impl ETags {
    fn of(self, text: &str) -> Option<String> {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let digest = hasher.finish();
        match self {
            Self::Strong => Some(format!("\"{digest:016x}\"")),
            Self::Weak => Some(format!("W/\"{digest:016x}\"")),
            Self::None => None,
        }
    }

    /// Whether the request names this `ETag`.
    fn knows(self, request: &HeaderMap, etag: &str) -> bool {
        let opaque = |etag| match self {
            Self::Weak => str::strip_prefix(etag, "W/").unwrap_or(etag),
            _ => etag,
        };
        let lines = request.get_all(header::IF_NONE_MATCH).into_iter();
        let lines = lines.filter_map(|line| line.to_str().ok());
        let mut known = lines.flat_map(|line| line.split(',')).map(str::trim);
        known.any(|known| opaque(known) == opaque(etag))
    }
}
