//! A rejection, and how it is written as a response.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use heroku_sso_store::{Permission, Role};
use http::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, REFRESH, RETRY_AFTER, SET_COOKIE, VARY,
    WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use url::Url;

use super::html_page;
use super::rejection_kind::{Missing, Needed, RejectionKind};
use super::rejection_page::{PageContent, rejection_page};
use super::rejection_record::RejectionRecord;
use super::response_format::Format;
use super::security_headers::{self, DATA};

/// A rejection with the details of this one case, for a page of your own
/// ([`guide::how_it_decides`](crate::guide::how_it_decides#pages-of-your-own)). It is in the extensions of
/// every page and every problem document with which the gate rejects a request.
#[derive(Clone)]
pub struct Rejection {
    pub(super) kind: RejectionKind,
    /// In seconds.
    retry_after: Option<u32>,
    sign_in_url: Option<Box<Url>>,
    /// The landing page, for a user who may already have a session.
    landing: Option<Box<str>>,
    /// Where this user finds their apps, in place of Heroku's dashboard.
    heroku_dashboard: Option<Box<Url>>,
    allow: Option<&'static str>,
    missing: Option<Box<Missing>>,
    /// Which check failed, for the app's developer.
    reason: Option<Box<str>>,
    cookies: Vec<HeaderValue>,
    /// For the audit log. A response has none.
    pub(super) record: Option<Box<RejectionRecord>>,
    /// The request had a bearer token, so it is a program's, whatever it accepts.
    pub(super) is_bearer: bool,
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
            heroku_dashboard: None,
            allow: None,
            missing: None,
            reason: None,
            cookies: Vec::new(),
            record: None,
            is_bearer: false,
            is_page: false,
        }
    }

    pub(super) fn cannot_check(retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        Self {
            retry_after: Some(u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)),
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

    pub(super) fn with_apps_at(mut self, heroku_dashboard: &Url) -> Self {
        self.heroku_dashboard = Some(Box::new(heroku_dashboard.clone()));
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

    /// Why the request does not pass.
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// The page at Heroku that signs this user in again, where it is known.
    pub fn sign_in_url(&self) -> Option<&Url> {
        self.sign_in_url.as_deref()
    }

    /// The landing page, for a user who may have a valid session: at a used form, a guard, or a sign-out that
    /// was rejected.
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

    /// The email addresses of up to five owners and admins on the list, who can grant what is needed. For a
    /// page that only this user sees. Empty if the rejection is not about a role or a permission, and for a
    /// user who is on the list only because of an attached app.
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
            Format::Html => rejection_page(&PageContent {
                kind: self.kind,
                sign_in_url: self.sign_in_url.as_deref(),
                landing: self.landing.as_deref(),
                heroku_dashboard: self.heroku_dashboard.as_deref(),
                missing: self.missing.as_deref(),
                reason: self.reason.as_deref(),
                is_of_form: !matches!(*method, Method::GET | Method::HEAD),
            }),
            Format::ProblemJson => problem(&self),
        };
        self.is_page = format == Format::Html;
        self.record = None;
        let mut response = match format {
            Format::Html => html_page::respond(self.kind.status(), body),
            Format::ProblemJson => {
                let mut response = Response::new(Full::from(body));
                *response.status_mut() = self.kind.status();
                let json = HeaderValue::from_static("application/problem+json");
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, json);
                security_headers::protect(headers, DATA);
                response
            }
        };
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("Accept, Cookie"));
        if self.kind.status() == StatusCode::UNAUTHORIZED {
            // Its own scheme: `Basic` would make browsers prompt for a password.
            let scheme = match self.is_bearer {
                true => r#"Bearer error="invalid_token""#,
                false => "Heroku-SSO",
            };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(refresh) = refresh(&self, format) {
            headers.insert(REFRESH, refresh);
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
}

/// RFC 9457.
fn problem(rejection: &Rejection) -> String {
    let mut problem = serde_json::json!({
        "type": format!("urn:tower-heroku-sso:{}", rejection.kind.code()),
        "title": rejection.kind.title(),
        "status": rejection.kind.status().as_u16(),
        "detail": rejection.kind.advice(),
    });
    if let Some(url) = &rejection.sign_in_url {
        problem["sign_in_url"] = url.as_str().into();
    }
    if let Some(missing) = &rejection.missing {
        match &missing.needs {
            Needed::AnyOf(roles) => {
                problem["required_roles"] = roles.iter().map(Role::as_str).collect();
            }
            Needed::Permission(permission) => {
                problem["required_permission"] = permission.as_str().into();
            }
        }
    }
    if let Some(reason) = &rejection.reason {
        problem["reason"] = reason.as_ref().into();
    }
    problem.to_string()
}

/// Where the page leads the browser immediately: a page that changes after a while may be missed.
fn refresh(rejection: &Rejection, format: Format) -> Option<HeaderValue> {
    // After a double click, or where Heroku gave several tabs the same form, the browser is signed in.
    let is_used = rejection.kind == RejectionKind::UsedSignIn && format == Format::Html;
    let landing = rejection.landing.as_deref().filter(|_| is_used)?;
    HeaderValue::try_from(format!("0; url={landing}")).ok()
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
    fn retry_after_is_rounded_up_to_whole_seconds() {
        for (wait, seconds) in [
            (0, "1"),
            (1, "1"),
            (1_000, "1"),
            (1_001, "2"),
            (61_500, "62"),
        ] {
            let rejection = Rejection::cannot_check(Duration::from_millis(wait));
            let response = rejection.into_response(Format::Html, &Method::GET);
            assert_eq!(response.headers()[RETRY_AFTER], seconds, "{wait} ms");
        }
    }
}
