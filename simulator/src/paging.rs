//! Lists in pages: `Range` in, `Content-Range` and `Next-Range` out.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::etag::json_answer;
use super::refusal::Refusal;
use super::settings::AnswerSettings;

/// The maximum size of a page, regardless of the request.
const MAX_PAGE: usize = 1000;

/// The page number of an answer, counted from 1. It is an extension of the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageNumber(pub(super) usize);

/// A list with pages.
pub(super) struct List<'a, T> {
    /// The unique sort key of an entry.
    pub(super) property: &'a str,
    /// Sorted by their keys.
    pub(super) entries: &'a [T],
    pub(super) key: fn(&T) -> String,
}

/// One page of a list. Only its entries are serialized.
pub(super) fn page<T>(
    list: &List<'_, T>,
    body: impl FnMut(&T) -> Value,
    settings: &AnswerSettings,
    request: &HeaderMap,
) -> Result<Response, Refusal> {
    let &List {
        property,
        entries,
        key,
    } = list;
    let range = match request.get(header::RANGE) {
        None => Range::default(),
        Some(text) => {
            let text = text.to_str().map_err(|_| Refusal::BAD_RANGE)?;
            Range::parse(property, text).ok_or(Refusal::BAD_RANGE)?
        }
    };
    let size = range.max.unwrap_or(settings.page_size).clamp(1, MAX_PAGE);
    let first = entries.partition_point(|entry| range.is_before(&key(entry)));
    let end = entries.len().min(first + size);
    let shown = &entries[first..end];
    let bodies = shown.iter().map(body).collect();
    let mut answer = json_answer(&Value::Array(bodies), request, settings.etags);

    let headers = answer.headers_mut();
    headers.insert(header::ACCEPT_RANGES, header_value(property)?);
    if let (Some(from), Some(to)) = (shown.first(), shown.last()) {
        let content = format!("{property} {}..{}; max={size}", key(from), key(to));
        headers.insert(header::CONTENT_RANGE, header_value(&content)?);
        if end < entries.len() {
            let next = format!("{property} ]{}..; max={size}", key(to));
            headers.insert("next-range", header_value(&next)?);
            if answer.status() == StatusCode::OK {
                *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            }
        }
    }
    answer.extensions_mut().insert(PageNumber(first / size + 1));
    Ok(answer.into_response())
}

/// `id ]<after>..; max=200`, or without `]` to begin at that entry itself.
#[derive(Debug, Default)]
struct Range {
    start: String,
    after: bool,
    max: Option<usize>,
}

impl Range {
    fn parse(property: &str, text: &str) -> Option<Self> {
        let (span, options) = text.split_once(';').unwrap_or((text, ""));
        // Every list accepts `id ..`, regardless of its sort key.
        let (by, span) = span.trim().split_once(' ')?;
        if by != property && !(by == "id" && span == "..") {
            return None;
        }
        let start = span.strip_suffix("..")?;
        let after = start.starts_with(']');
        let mut max = None;
        for option in options.split(',').map(str::trim).filter(|o| !o.is_empty()) {
            max = Some(option.strip_prefix("max=")?.parse().ok()?);
        }
        Some(Self {
            start: start.trim_start_matches(']').to_owned(),
            after,
            max,
        })
    }

    fn is_before(&self, key: &str) -> bool {
        let start = self.start.as_str();
        key < start || (self.after && key == start)
    }
}

fn header_value(text: &str) -> Result<HeaderValue, Refusal> {
    // Addresses may have non-ASCII letters, which are sent as bytes.
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| Refusal::BAD_RANGE)
}
