//! The sign-out endpoint.

use bytes::Bytes;
use heroku_sso_store::ResourceId;
use http::header::{CACHE_CONTROL, HeaderName, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use maud::html;

use super::RejectionKind;
use super::close_session::close_named;
use super::cookies::Cookies;
use super::credential::{bearer, credential};
use super::html_page;
use super::original_uri;
use super::paths::SessionScope;
use super::rejection::Rejection;
use super::response_format::Format;
use super::see_other::see_other;
use super::state::GateState;
use super::unavailable::{out_of_time, sessions_unavailable};
use crate::audit::RequestId;
use crate::clock;
use crate::deadlines::REQUEST;
use crate::session::{Credential, SessionError};

/// Removes stored pages, which the browser would show after Back. Not every browser obeys it, so pages are
/// also `no-store`.
const CLEAR_SITE_DATA: (HeaderName, HeaderValue) = (
    HeaderName::from_static("clear-site-data"),
    HeaderValue::from_static("\"cache\""),
);

/// What a sign-out needs from its request.
#[derive(Debug)]
pub(super) struct SignOut {
    method: Method,
    /// For rejections.
    format: Format,
    /// For the confirmation.
    confirmed_in: Format,
    own_site: bool,
    /// The path as the browser requested it, whose page confirms the sign-out.
    path: String,
    /// The sessions to end. Without a resource: the browser's only session.
    sessions: Vec<(Option<ResourceId>, Credential<'static>)>,
    /// The resource whose cookies are removed, whether there is a session or not.
    resource: Option<ResourceId>,
    /// The dashboard whose sign-out button works, if the path is of one.
    landing: Option<String>,
    hints: Vec<ResourceId>,
    request: RequestId,
}

impl SignOut {
    pub(super) fn of<B>(gate: &GateState, request: &Request<B>) -> Self {
        let headers = request.headers();
        let scope = gate.paths.scope(request.uri().path());
        let sessions = match scope {
            // A path without a resource ends all sessions.
            SessionScope::None => {
                let bearer = bearer(gate, headers).map(|bearer| (None, bearer.into_owned()));
                let cookies = gate.cookies.session.read_all(headers);
                match bearer {
                    Some(bearer) => vec![bearer],
                    None => cookies,
                }
            }
            SessionScope::Any | SessionScope::Resource(_) => {
                let credential = credential(gate, scope, headers);
                let session = credential.map(|session| {
                    let resource = scope.resource().copied();
                    (resource, session.into_owned())
                });
                session.into_iter().collect()
            }
        };
        Self {
            method: request.method().clone(),
            format: Format::of(headers),
            confirmed_in: Format::of_sign_out(headers),
            path: gate.paths.public(&format!(
                "{}{}",
                original_uri::prefix(request),
                request.uri().path()
            )),
            own_site: gate.origins.is_own_form(request),
            sessions,
            resource: scope.resource().copied(),
            landing: gate.paths.landing_in(original_uri::prefix(request), scope),
            hints: gate.cookies.hint.read(headers),
            request: RequestId::of(headers),
        }
    }

    /// Ends the session, if there is one, and removes the cookies. With a session for each resource, it ends
    /// the one of the path, or all.
    ///
    /// A browser is redirected to the same path, where GET says that it is signed out.
    pub(super) async fn respond(self, gate: &GateState) -> Response<Full<Bytes>> {
        let dashboard = gate.redirects.dashboard();
        let reject = |rejection: Rejection| {
            let rejection = rejection.with_apps_at(dashboard);
            rejection.into_response(self.format, &self.method)
        };
        if matches!(self.method, Method::GET | Method::HEAD) && self.sessions.is_empty() {
            return self.signed_out_page(dashboard.as_str());
        }
        if self.method != Method::POST {
            return reject(self.or_go_on(Rejection::method_not_allowed("POST")));
        }
        if !self.own_site {
            return reject(self.or_go_on(Rejection::new(RejectionKind::CrossSite)));
        }
        if let Err(rejection) = self.end_sessions(gate).await {
            return reject(rejection);
        }
        let location = match self.confirmed_in {
            Format::Html => HeaderValue::try_from(self.path.as_str()).ok(),
            Format::ProblemJson => None,
        };
        let mut response = match location {
            Some(location) => see_other(location),
            None => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::NO_CONTENT;
                let headers = response.headers_mut();
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
        };
        let headers = response.headers_mut();
        // A program's sign-out does not affect the browser's own session.
        let by_bearer = self
            .sessions
            .iter()
            .any(|(_, session)| !session.is_cookie());
        if !by_bearer {
            self.remove_cookies(&gate.cookies, headers);
            headers.extend([CLEAR_SITE_DATA]);
        }
        response
    }

    fn or_go_on(&self, rejection: Rejection) -> Rejection {
        match &self.landing {
            Some(landing) => rejection.or_go_on_at(landing.clone()),
            None => rejection,
        }
    }

    /// For a browser without a session, as after a sign-out.
    fn signed_out_page(&self, heroku_dashboard: &str) -> Response<Full<Bytes>> {
        let mut response = html_page::respond(StatusCode::OK, signed_out_page(heroku_dashboard));
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("Cookie"));
        // Some browsers ignore it on a redirect.
        if self.own_site {
            headers.extend([CLEAR_SITE_DATA]);
        }
        if self.method == Method::HEAD {
            *response.body_mut() = Full::default();
        }
        response
    }

    /// Ends the sessions beside an app that answers the sign-out itself. A failure is logged.
    pub(super) async fn observe(self, gate: &GateState) {
        if self.method == Method::POST && self.own_site {
            let _ = self.end_sessions(gate).await;
        }
    }

    async fn end_sessions(&self, gate: &GateState) -> Result<(), Rejection> {
        match clock::within(REQUEST, self.close_sessions(gate)).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(sessions_unavailable(gate.reasons, &error)),
            None => Err(out_of_time(gate.reasons, "sign-out")),
        }
    }

    async fn close_sessions(&self, gate: &GateState) -> Result<(), SessionError> {
        for (_, credential) in &self.sessions {
            if let Some((session, grant)) = close_named(gate, credential).await? {
                let who = grant.subject(&session);
                gate.audit().signed_out(&who, &self.request);
            }
        }
        Ok(())
    }

    fn remove_cookies(&self, cookies: &Cookies, headers: &mut HeaderMap) {
        let resource = self.resource.as_ref();
        headers.append(SET_COOKIE, cookies.session.remove(resource));
        for (resource, _) in &self.sessions {
            if *resource != self.resource {
                headers.append(SET_COOKIE, cookies.session.remove(resource.as_ref()));
            }
        }
        // Otherwise the next page would redirect straight through Heroku and sign in again.
        headers.append(SET_COOKIE, cookies.hint.without(&self.hints, resource));
    }
}

fn signed_out_page(heroku_dashboard: &str) -> String {
    html_page::page(
        "You are signed out",
        &html! {
            p { "To come back, open the add-on from your app's Resources page in the Heroku Dashboard." }
            nav aria-label="What you can do" {
                a href=(heroku_dashboard) target="_top" { "Open the Heroku Dashboard" }
            }
        },
    )
}
