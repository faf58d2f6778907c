//! A refusal, and how it is written.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, VARY, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use url::Url;

use super::accept::Format;
use super::page;
use crate::access::Role;

/// Why a request does not pass. In the extensions of every response that the gate writes itself.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RefusalKind {
    /// 503: the list cannot be had from Heroku or the store right now.
    CannotCheck,
    /// 403: a sign-out that another site sent.
    CrossSite,
    /// 403: the SSO request is malformed, or its token does not match.
    InvalidSignIn,
    /// 405: the SSO path and the sign-out path take POST only.
    MethodNotAllowed,
    /// 403: listed, but without the role that the route asks for.
    MissingRole,
    /// 401: no session, or none that this gate knows.
    NoSession,
    /// 415: the SSO request is not a form.
    NotAForm,
    /// 403: the email is not on the list; also the answer for an unknown resource.
    NotListed,
    /// 401: the session has ended, or its resource is gone.
    SessionEnded,
    /// 408: the body of the SSO request did not arrive in time.
    SlowBody,
    /// 403: the session in the cookie of this path's resource is one of another resource
    /// ([`Config::resource_in_path`](crate::Config::resource_in_path)).
    OtherResource,
    /// 403: the SSO request is too old, or from the future.
    StaleSignIn,
    /// 413: the body of the SSO request is larger than 64 KiB.
    TooLarge,
    /// 403: a role guard wants an email that Heroku has signed, and this session's is not
    /// ([`Proof::UnsignedEmail`](crate::Proof::UnsignedEmail)).
    UnsignedEmail,
    /// 403: the SSO request was used before.
    UsedSignIn,
}

impl RefusalKind {
    /// The status of the response.
    pub fn status(self) -> StatusCode {
        match self {
            Self::CannotCheck => StatusCode::SERVICE_UNAVAILABLE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoSession | Self::SessionEnded => StatusCode::UNAUTHORIZED,
            Self::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CrossSite
            | Self::InvalidSignIn
            | Self::MissingRole
            | Self::NotListed
            | Self::OtherResource
            | Self::StaleSignIn
            | Self::UnsignedEmail
            | Self::UsedSignIn => StatusCode::FORBIDDEN,
        }
    }

    /// A stable name, the last part of `type` in the problem document.
    pub fn code(self) -> &'static str {
        match self {
            Self::CannotCheck => "cannot-check",
            Self::CrossSite => "cross-site",
            Self::InvalidSignIn => "invalid-sign-in",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::MissingRole => "missing-role",
            Self::NoSession => "no-session",
            Self::NotAForm => "not-a-form",
            Self::NotListed => "not-listed",
            Self::OtherResource => "other-resource",
            Self::SessionEnded => "session-ended",
            Self::SlowBody => "slow-body",
            Self::StaleSignIn => "stale-sign-in",
            Self::TooLarge => "too-large",
            Self::UnsignedEmail => "unsigned-email",
            Self::UsedSignIn => "used-sign-in",
        }
    }

    /// What happened, in a few words.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::CannotCheck => "We cannot check your access right now",
            Self::CrossSite => "You are still signed in",
            Self::InvalidSignIn => "This sign-in is not valid",
            Self::MethodNotAllowed => "Nothing to see at this address",
            Self::MissingRole => "Your role does not allow this",
            Self::NoSession => "Please sign in through Heroku",
            Self::NotAForm => "This is not a sign-in form",
            Self::NotListed => "You do not have access to this add-on",
            Self::OtherResource => "You are signed in to another add-on",
            Self::SessionEnded => "Your session has ended",
            Self::SlowBody => "The sign-in took too long to arrive",
            Self::StaleSignIn => "This sign-in is too old",
            Self::TooLarge => "This sign-in is too large",
            Self::UnsignedEmail => "This page needs a stronger sign-in",
            Self::UsedSignIn => "This sign-in was used already",
        }
    }

    /// What to do about it.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::CannotCheck => {
                "Heroku did not tell us who may open this add-on. Nothing is wrong with your \
                 account. Please try again in a moment."
            }
            Self::CrossSite => {
                "The request to sign out came from another site. Use the sign-out button of this \
                 dashboard."
            }
            Self::UsedSignIn => {
                "Each sign-in works once. If it was you who used it, for example by a double click, \
                 just go on. Otherwise open the add-on again from your app's Resources page in the \
                 Heroku Dashboard."
            }
            Self::InvalidSignIn
            | Self::NotAForm
            | Self::SlowBody
            | Self::StaleSignIn
            | Self::TooLarge => {
                "Open the add-on again from your app's Resources page in the Heroku Dashboard."
            }
            Self::MethodNotAllowed => {
                "This address only takes forms. Open the add-on from the Heroku Dashboard."
            }
            Self::MissingRole => {
                "You are signed in, but this page needs another role on the app or in its team. \
                 Ask an owner or an admin of the app."
            }
            Self::UnsignedEmail => {
                "Heroku signed you in without vouching for your email address, which is enough for \
                 other pages but not for this one. Open the add-on again from your app's Resources \
                 page in the Heroku Dashboard; if that does not help, ask whoever runs this add-on."
            }
            Self::NoSession | Self::OtherResource | Self::SessionEnded => {
                "Open the add-on from your app's Resources page in the Heroku Dashboard."
            }
            Self::NotListed => {
                "Only the collaborators of the app and the members of its team can open it. Ask an \
                 owner of the app to add you, then open the add-on again from the Heroku Dashboard."
            }
        }
    }
}

/// What somebody with a session lacks.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    pub(super) any_of: Arc<[Role]>,
    /// Addresses. On the page only, which its reader alone sees.
    pub(super) ask: Vec<Box<str>>,
}

/// A refusal with what belongs to this one case of it.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) kind: RefusalKind,
    retry_after: Option<Duration>,
    sign_in_url: Option<Box<Url>>,
    /// The landing page, for somebody who may have a session already.
    landing: Option<Box<str>>,
    allow: Option<&'static str>,
    missing: Option<Box<Missing>>,
    cookies: Vec<HeaderValue>,
    /// Of a request with a bearer token: a program's, whatever it accepts.
    is_bearer: bool,
}

impl Refusal {
    pub(super) fn new(kind: RefusalKind) -> Self {
        Self {
            kind,
            retry_after: None,
            sign_in_url: None,
            landing: None,
            allow: None,
            missing: None,
            cookies: Vec::new(),
            is_bearer: false,
        }
    }

    pub(super) fn cannot_check(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(RefusalKind::CannotCheck)
        }
    }

    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(RefusalKind::MethodNotAllowed)
        }
    }

    pub(super) fn sign_in_at(mut self, url: Option<Url>) -> Self {
        self.sign_in_url = url.map(Box::new);
        self
    }

    pub(super) fn or_go_on_at(mut self, landing: String) -> Self {
        self.landing = Some(landing.into());
        self
    }

    /// The roles of which one is needed, and the addresses of people who can grant it, for somebody
    /// who may see them.
    pub(super) fn needs(mut self, any_of: Arc<[Role]>, ask: Vec<Box<str>>) -> Self {
        self.missing = Some(Box::new(Missing { any_of, ask }));
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

    pub(super) fn into_response(self, format: Format, method: &Method) -> Response<Full<Bytes>> {
        let body = match format {
            Format::Html => page::refusal(
                self.kind,
                self.sign_in_url.as_deref(),
                self.landing.as_deref(),
                self.missing.as_deref(),
            ),
            Format::ProblemJson => self.problem(),
        };
        let mut response = match format {
            Format::Html => page::respond(self.kind.status(), body),
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
            // A scheme of its own: `Basic` would make browsers ask for a password.
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
        if matches!(self.kind, RefusalKind::TooLarge | RefusalKind::SlowBody) {
            // What is left of the body is not read.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        for cookie in self.cookies {
            headers.append(SET_COOKIE, cookie);
        }
        response.extensions_mut().insert(self.kind);
        if method == Method::HEAD {
            *response.body_mut() = Full::default();
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
            let roles = missing.any_of.iter().map(Role::as_str);
            problem["required_roles"] = roles.collect();
        }
        problem.to_string()
    }
}
