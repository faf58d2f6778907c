//! A rejection, and how it is written as a response.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, VARY,
    WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use url::Url;

use super::html_page;
use super::rejection_kind::{Missing, Needed, RejectionKind};
use super::rejection_page::rejection_page;
use super::response_format::Format;
use crate::access::{Permission, Role};

/// A rejection with the details of this one case, for a page of your own
/// ([`guide::how_it_decides`](crate::guide::how_it_decides#pages-of-your-own)). It is in the extensions of
/// every page and every problem document with which the gate refuses a request.
#[derive(Clone)]
pub struct Rejection {
    pub(super) kind: RejectionKind,
    retry_after: Option<Duration>,
    sign_in_url: Option<Box<Url>>,
    /// The landing page, for a user who may already have a session.
    landing: Option<Box<str>>,
    allow: Option<&'static str>,
    missing: Option<Box<Missing>>,
    /// Which check failed, for the app's developer.
    reason: Option<Box<str>>,
    cookies: Vec<HeaderValue>,
    /// The request had a bearer token, so it is a program's, whatever it accepts.
    is_bearer: bool,
    is_page: bool,
}

impl From<RejectionKind> for Rejection {
    fn from(kind: RejectionKind) -> Self {
        Self::new(kind)
    }
}

impl Rejection {
    pub(super) fn new(kind: RejectionKind) -> Self {
        Self {
            kind,
            retry_after: None,
            sign_in_url: None,
            landing: None,
            allow: None,
            missing: None,
            reason: None,
            cookies: Vec::new(),
            is_bearer: false,
            is_page: false,
        }
    }

    pub(super) fn cannot_check(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(RejectionKind::CannotCheck)
        }
    }

    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(RejectionKind::MethodNotAllowed)
        }
    }

    pub(super) fn sign_in_at(mut self, url: Url) -> Self {
        self.sign_in_url = Some(Box::new(url));
        self
    }

    pub(super) fn or_go_on_at(mut self, landing: String) -> Self {
        self.landing = Some(landing.into());
        self
    }

    /// What is needed, and the email addresses of people who can grant it, for a user who may see them.
    pub(super) fn needs(mut self, needs: Needed, ask: Vec<Box<str>>) -> Self {
        self.missing = Some(Box::new(Missing { needs, ask }));
        self
    }

    /// Only [`DebugReasons`](super::debug_reason::DebugReasons) knows whether the reason may be shown.
    pub(super) fn with_reason(mut self, reason: String) -> Self {
        self.reason = Some(reason.into());
        self
    }

    pub(super) fn set_cookie(mut self, cookie: HeaderValue) -> Self {
        self.cookies.push(cookie);
        self
    }

    pub(super) fn of_bearer(mut self) -> Self {
        self.is_bearer = true;
        self
    }

    pub(super) fn is_of_bearer(&self) -> bool {
        self.is_bearer
    }

    /// Why the request does not pass.
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// The page at Heroku that signs this user in again, where it is known.
    pub fn sign_in_url(&self) -> Option<&Url> {
        self.sign_in_url.as_deref()
    }

    /// The page for a user who has already signed in, as after a double click.
    pub fn landing(&self) -> Option<&str> {
        self.landing.as_deref()
    }

    /// The roles of which one is needed; empty if the rejection is not about a role.
    pub fn required_roles(&self) -> &[Role] {
        match self.missing.as_ref().map(|missing| &missing.needs) {
            Some(Needed::AnyOf(roles)) => roles,
            Some(Needed::Permission(_)) | None => &[],
        }
    }

    /// The permission that is needed; none if the rejection is not about a permission.
    pub fn required_permission(&self) -> Option<&Permission> {
        match self.missing.as_ref().map(|missing| &missing.needs) {
            Some(Needed::Permission(permission)) => Some(permission),
            Some(Needed::AnyOf(_)) | None => None,
        }
    }

    /// The email addresses of people on the list who can grant what is needed, for a page that only this user
    /// sees. Empty if the rejection is not about a role or a permission.
    pub fn who_can_grant(&self) -> impl Iterator<Item = &str> {
        let missing = self.missing.iter();
        missing.flat_map(|missing| missing.ask.iter().map(|email| &**email))
    }

    /// Which check failed, under [`development`](crate::HerokuSsoBuilder::development).
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// True if the gate answers with a page, as a browser asks for; false for `application/problem+json`.
    pub fn is_page(&self) -> bool {
        self.is_page
    }

    pub(super) fn into_response(
        mut self,
        format: Format,
        method: &Method,
    ) -> Response<Full<Bytes>> {
        let body = match format {
            Format::Html => rejection_page(
                self.kind,
                self.sign_in_url.as_deref(),
                self.landing.as_deref(),
                self.missing.as_deref(),
                self.reason.as_deref(),
            ),
            Format::ProblemJson => self.problem(),
        };
        self.is_page = format == Format::Html;
        let mut response = match format {
            Format::Html => html_page::respond(self.kind.status(), body),
            Format::ProblemJson => {
                let mut response = Response::new(Full::from(body));
                *response.status_mut() = self.kind.status();
                let json = HeaderValue::from_static("application/problem+json");
                response.headers_mut().insert(CONTENT_TYPE, json);
                response
            }
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("Accept, Cookie"));
        if self.kind.status() == StatusCode::UNAUTHORIZED {
            // Its own scheme: `Basic` would make browsers prompt for a password.
            let scheme = match self.is_bearer {
                true => r#"Bearer error="invalid_token""#,
                false => "Heroku-SSO",
            };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, seconds.max(1).into());
        }
        if let Some(methods) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        if matches!(self.kind, RejectionKind::TooLarge | RejectionKind::SlowBody) {
            // The rest of the body is not read.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        for cookie in self.cookies.drain(..) {
            headers.append(SET_COOKIE, cookie);
        }
        response.extensions_mut().insert(self.kind);
        response.extensions_mut().insert(self);
        if method == Method::HEAD {
            let length = response.body().size_hint().exact();
            *response.body_mut() = Full::default();
            // As GET's, or the server would say that it is 0.
            let headers = response.headers_mut();
            headers.extend(length.map(|length| (CONTENT_LENGTH, length.into())));
        }
        response
    }

    /// RFC 9457.
    fn problem(&self) -> String {
        let mut problem = serde_json::json!({
            "type": format!("urn:tower-heroku-sso:{}", self.kind.code()),
            "title": self.kind.title(),
            "status": self.kind.status().as_u16(),
            "detail": self.kind.advice(),
        });
        if let Some(url) = &self.sign_in_url {
            problem["sign_in_url"] = url.as_str().into();
        }
        if let Some(missing) = &self.missing {
            match &missing.needs {
                Needed::AnyOf(roles) => {
                    problem["required_roles"] = roles.iter().map(Role::as_str).collect();
                }
                Needed::Permission(permission) => {
                    problem["required_permission"] = permission.as_str().into();
                }
            }
        }
        if let Some(reason) = &self.reason {
            problem["reason"] = reason.as_ref().into();
        }
        problem.to_string()
    }
}

impl fmt::Debug for Rejection {
    /// Omits the email addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_to_come_again_is_told_whole_seconds_that_are_enough() {
        for (wait, told) in [
            (0, "1"),
            (1, "1"),
            (1_000, "1"),
            (1_001, "2"),
            (61_500, "62"),
        ] {
            let rejection = Rejection::cannot_check(Duration::from_millis(wait));
            let response = rejection.into_response(Format::Html, &Method::GET);
            assert_eq!(response.headers()[RETRY_AFTER], told, "{wait} ms");
        }
    }
}
