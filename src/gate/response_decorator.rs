//! What the gate adds to a response of the wrapped service.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, Entry, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Body;

use super::observed_request::ObservedResponse;
use super::response_body::{Cut, GateBody};
use super::session_handle::SessionHandle;
use super::state::GateState;
use crate::config::{HtmlCache, Streams};

/// What is done with the response of the wrapped service.
pub(super) enum Decorator {
    Enforced(ResponseDecorator),
    Observed(Box<ObservedResponse>),
}

/// What is done with the response to an enforced request.
pub(super) struct ResponseDecorator {
    pub(super) vary: Vary,
    pub(super) html_cache: HtmlCache,
    /// The cookies by which a browser remembers whose dashboards it showed.
    pub(super) cookies: Vec<HeaderValue>,
    /// The reader of the response's body, and what happens to the body when their access ends.
    pub(super) reader: Option<(SessionHandle, Streams)>,
}

/// The request headers that identify the user.
#[derive(Clone, Copy, Debug)]
pub(super) enum Vary {
    Cookie,
    CookieOrBearer,
}

impl Decorator {
    pub(super) fn decorate<B: Body<Data = Bytes>>(
        self,
        response: Response<B>,
    ) -> Response<GateBody<B>> {
        match self {
            Self::Enforced(decorator) => decorator.decorate(response),
            Self::Observed(observed) => observed.decorate(response),
        }
    }
}

impl ResponseDecorator {
    /// For a request that is admitted without a signed-in user.
    pub(super) fn without_user(gate: &GateState) -> Self {
        Self {
            vary: Vary::of(gate),
            html_cache: HtmlCache::Private,
            cookies: Vec::new(),
            reader: None,
        }
    }

    fn decorate<B: Body<Data = Bytes>>(self, mut response: Response<B>) -> Response<GateBody<B>> {
        let headers = response.headers_mut();
        let media = headers
            .get(CONTENT_TYPE)
            .map_or(&b""[..], HeaderValue::as_bytes);
        let is = |name: &[u8]| {
            let start = media.get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name))
        };
        let is_html = is(b"text/html") || is(b"application/xhtml+xml");
        let cut = if is(b"text/event-stream") {
            Cut::Complete
        } else {
            Cut::Broken
        };
        let is_stored = !is_html || self.html_cache == HtmlCache::Private;
        mark_personal(headers, self.vary, is_stored);
        for cookie in self.cookies {
            headers.append(SET_COOKIE, cookie);
        }
        response.map(|body| match self.reader {
            Some((reader, Streams::EndWithAccess)) => GateBody::until_ended(body, reader, cut),
            Some((reader, Streams::LeaveOpen)) => GateBody::left_open(body, &reader),
            None => GateBody::inner(body),
        })
    }
}

impl Vary {
    pub(super) fn of(gate: &GateState) -> Self {
        match gate.sessions.takes_bearers() {
            true => Self::CookieOrBearer,
            false => Self::Cookie,
        }
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Cookie => &["Cookie"],
            Self::CookieOrBearer => &["Cookie", "Authorization"],
        }
    }

    fn value(self) -> HeaderValue {
        match self {
            Self::Cookie => const { HeaderValue::from_static("Cookie") },
            Self::CookieOrBearer => const { HeaderValue::from_static("Cookie, Authorization") },
        }
    }
}

/// Marks the response of the wrapped service as personal, for caches.
fn mark_personal(headers: &mut HeaderMap, by: Vary, is_stored: bool) {
    match headers.entry(VARY) {
        Entry::Vacant(vary) => {
            vary.insert(by.value());
        }
        Entry::Occupied(mut vary) => {
            let is_named = |wanted: &&str| {
                vary.iter().any(|vary| {
                    let mut names = vary.to_str().unwrap_or_default().split(',').map(str::trim);
                    names.any(|name| name == "*" || name.eq_ignore_ascii_case(wanted))
                })
            };
            if !by.names().iter().all(is_named) {
                vary.append(by.value());
            }
        }
    }
    let cached = headers.entry(CACHE_CONTROL);
    cached.or_insert(match is_stored {
        true => const { HeaderValue::from_static("private") },
        false => const { HeaderValue::from_static("no-store") },
    });
}
