//! What the gate adds to a response of the wrapped service.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, Entry, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Body;

use super::response_body::GateBody;
use super::session_handle::SessionHandle;
use super::state::GateState;
use crate::config::Streams;

/// What is done with the response of the wrapped service.
pub(super) struct ResponseDecorator {
    pub(super) vary: Vary,
    /// The cookie by which a browser remembers whose dashboard it showed.
    pub(super) hint: Option<HeaderValue>,
    /// The reader of the response's body, and what happens to the body when their access ends.
    pub(super) reader: Option<(SessionHandle, Streams)>,
}

/// The request headers that identify the user.
#[derive(Clone, Copy, Debug)]
pub(super) enum Vary {
    Cookie,
    CookieOrBearer,
}

impl ResponseDecorator {
    /// For a request that is admitted without a signed-in user.
    pub(super) fn without_user(gate: &GateState) -> Self {
        Self {
            vary: Vary::of(gate),
            hint: None,
            reader: None,
        }
    }

    pub(super) fn decorate<B: Body<Data = Bytes>>(
        self,
        mut response: Response<B>,
    ) -> Response<GateBody<B>> {
        mark_personal(response.headers_mut(), self.vary);
        if let Some(hint) = self.hint {
            response.headers_mut().append(SET_COOKIE, hint);
        }
        response.map(|body| match self.reader {
            Some((reader, Streams::EndWithAccess)) => GateBody::until_ended(body, reader),
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
fn mark_personal(headers: &mut HeaderMap, by: Vary) {
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
    cached.or_insert(const { HeaderValue::from_static("private") });
}
