//! Entry points for `fuzz/`, under `--cfg fuzzing`. Not part of the public API.

use heroku_sso_store::{Email, ResourceId};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use time::OffsetDateTime;

use crate::config::CookieTransport;
use crate::gate::{Cookies, ReturnTo};
use crate::secret::{ClientSecret, WebhookSecret};
use crate::sso::SsoRequest;
use crate::webhook::ChangeHint;
use crate::webhook::notification::Notification;
use crate::webhook::signature;

/// The parsing of Heroku's answers.
pub mod heroku {
    pub use crate::heroku::fuzzing::*;
}

/// The fields of an SSO request that were sent.
pub fn fields(request: &SsoRequest) -> Vec<(&'static str, &str)> {
    let fields = request.fields().into_iter();
    let sent = fields.filter_map(|(name, value)| Some((name, value.as_deref()?)));
    sent.collect()
}

/// True if one of `secrets` signed this body.
pub fn is_signed(headers: &HeaderMap, body: &[u8], secrets: &[WebhookSecret]) -> bool {
    signature::is_signed(headers, body, secrets)
}

/// The fields that are read from a notification.
#[derive(Debug)]
pub struct NotificationFields {
    /// The event's own id.
    pub event: Option<String>,
    /// The id of the app or the resource that has changed.
    pub about: Option<String>,
    /// The user that may have been removed.
    pub left: Option<Email>,
}

/// Reads the body of a webhook.
pub fn notification(body: &[u8]) -> Option<NotificationFields> {
    let Notification { event, hint } = Notification::read(body)?;
    let (about, left) = match hint {
        Some(ChangeHint::App(app)) => (Some(app.to_string()), None),
        Some(ChangeHint::Left(app, email)) => (Some(app.to_string()), Some(email)),
        Some(ChangeHint::Resource(resource)) => (Some(resource.to_string()), None),
        None => (None, None),
    };
    Some(NotificationFields { event, about, left })
}

/// The cookies of a gate.
#[derive(Debug)]
pub struct GateCookies {
    cookies: Cookies,
}

impl GateCookies {
    /// Of one session for each browser, or of one for each resource.
    pub fn new(secret: &ClientSecret, per_resource: bool) -> Self {
        Self {
            cookies: Cookies::new(CookieTransport::Https, secret, per_resource),
        }
    }

    /// The cookie that remembers which page was requested before a sign-in, as `Set-Cookie` has it.
    pub fn return_to(&self, resource: &ResourceId, wanted: &str) -> HeaderValue {
        let (page, now) = (wanted.to_owned(), OffsetDateTime::UNIX_EPOCH);
        let page = ReturnTo::new(*resource, page, true, now);
        self.cookies.return_to.set(&page)
    }

    /// The page of this resource that the cookies of a request remember.
    pub fn wanted(&self, headers: &HeaderMap, resource: &ResourceId) -> Option<String> {
        let pages = self.cookies.return_to.read(headers).into_iter();
        let mut pages = pages.filter(|page| page.resource == *resource);
        pages.find_map(|page| page.wanted)
    }

    /// The resources that the cookies of a request remember.
    pub fn hints(&self, headers: &HeaderMap) -> Vec<ResourceId> {
        self.cookies.hint.read(headers)
    }

    /// The hint cookie of these resources, as `Set-Cookie` has it.
    pub fn hint(&self, hints: &[ResourceId], added: &ResourceId) -> Option<HeaderValue> {
        let mut headers = HeaderMap::new();
        for hint in hints.iter().rev() {
            let cookie = self.cookies.hint.after_landing(&headers, hint)?;
            headers.insert(COOKIE, sent_back(&cookie)?);
        }
        self.cookies.hint.after_landing(&headers, added)
    }

    /// `heroku-nav-data`, as `Set-Cookie` has it.
    pub fn nav_data(&self, value: &str) -> Option<HeaderValue> {
        self.cookies.nav_data(value)
    }
}

/// The value of the `Cookie` header that a browser sends after this `Set-Cookie`.
pub fn sent_back(set_cookie: &HeaderValue) -> Option<HeaderValue> {
    let pair = set_cookie.as_bytes().split(|b| *b == b';').next()?;
    HeaderValue::from_bytes(pair).ok()
}
