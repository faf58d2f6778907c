//! The sign-out endpoint.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use maud::html;

use super::RejectionKind;
use super::close_session::close_named;
use super::cookies::Cookies;
use super::credential::{bearer, credential};
use super::html_page;
use super::paths::SessionScope;
use super::rejection::Rejection;
use super::response_format::Format;
use super::state::GateState;
use super::unavailable::{out_of_time, sessions_unavailable};
use crate::audit::RequestId;
use crate::clock;
use crate::deadlines::REQUEST;
use crate::ids::ResourceId;
use crate::session::{Credential, SessionError};

/// How many sessions one request may end. Each of them needs a look-up and a cookie in the response. The
/// limit is more than the dashboards that a browser has open.
const MOST_SESSIONS: usize = 20;

/// What a sign-out needs from its request.
#[derive(Debug)]
pub(super) struct SignOut {
    method: Method,
    format: Format,
    own_site: bool,
    /// The sessions to end. Without a resource: the browser's only session.
    sessions: Vec<(Option<ResourceId>, Credential<'static>)>,
    /// The resource whose cookies are removed, whether there is a session or not.
    resource: Option<ResourceId>,
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
                    None => cookies.into_iter().take(MOST_SESSIONS).collect(),
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
            own_site: gate.origins.is_own_form(request),
            sessions,
            resource: scope.resource().copied(),
            hints: gate.cookies.hint.read(headers),
            request: RequestId::of(headers),
        }
    }

    /// Ends the session, if there is one, and removes the cookies. With a session for each resource, it ends
    /// the one of the path, or all.
    pub(super) async fn respond(self, gate: &GateState) -> Response<Full<Bytes>> {
        let refuse = |rejection: Rejection| rejection.into_response(self.format, &self.method);
        if self.method != Method::POST {
            return refuse(Rejection::method_not_allowed("POST"));
        }
        if !self.own_site {
            return refuse(Rejection::new(RejectionKind::CrossSite));
        }
        match clock::within(REQUEST, self.close_sessions(gate)).await {
            Some(Ok(())) => {}
            Some(Err(error)) => return refuse(sessions_unavailable(gate.reasons, &error)),
            None => return refuse(out_of_time(gate.reasons, "sign-out")),
        }
        let mut response = match self.format {
            Format::Html => html_page::respond(StatusCode::OK, signed_out_page()),
            Format::ProblemJson => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // A program's sign-out does not affect the browser's own session.
        let by_bearer = self
            .sessions
            .iter()
            .any(|(_, session)| !session.is_cookie());
        if !by_bearer {
            self.remove_cookies(&gate.cookies, headers);
        }
        response
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

fn signed_out_page() -> String {
    html_page::page(
        "You are signed out",
        &html! {
            p { "To come back, open the add-on from your app's Resources page in the Heroku Dashboard." }
        },
    )
}
