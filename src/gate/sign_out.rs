//! The sign-out endpoint.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HOST, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::accept::Format;
use super::paths::SessionScope;
use super::refusal::Refusal;
use super::state::GateState;
use super::{RefusalKind, page};
use crate::audit;
use crate::clock;
use crate::deadlines::REQUEST;
use crate::ids::ResourceId;
use crate::session::Credential;

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
}

impl SignOut {
    pub(super) fn of<B>(gate: &GateState, request: &Request<B>) -> Self {
        let headers = request.headers();
        let place = gate.paths.place(request.uri().path());
        let sessions = match place {
            // A path without a resource ends all sessions.
            SessionScope::None => {
                let bearer = gate
                    .bearer(headers)
                    .map(|bearer| (None, bearer.into_owned()));
                let cookies = gate.cookies.all_sessions(headers);
                match bearer {
                    Some(bearer) => vec![bearer],
                    None => cookies.into_iter().take(MOST_SESSIONS).collect(),
                }
            }
            SessionScope::Any | SessionScope::Resource(_) => {
                let credential = gate.credential(place, headers);
                let session = credential.map(|session| {
                    let resource = place.resource().copied();
                    (resource, session.into_owned())
                });
                session.into_iter().collect()
            }
        };
        Self {
            method: request.method().clone(),
            format: Format::of(headers),
            own_site: is_own_site(request),
            sessions,
            resource: place.resource().copied(),
            hints: gate.cookies.hints(headers),
        }
    }
}

impl GateState {
    /// Ends the session, if there is one, and removes the cookies. With a session for each resource, it ends
    /// the one of the path, or all.
    pub(super) async fn sign_out(&self, sign_out: SignOut) -> Response<Full<Bytes>> {
        let refuse = |refusal: Refusal| refusal.into_response(sign_out.format, &sign_out.method);
        if sign_out.method != Method::POST {
            return refuse(Refusal::method_not_allowed("POST"));
        }
        if !sign_out.own_site {
            return refuse(Refusal::new(RefusalKind::CrossSite));
        }
        let closing = clock::within(REQUEST, async {
            for (_, credential) in &sign_out.sessions {
                if let Some(grant) = self.close_named(credential).await? {
                    audit::signed_out(&grant.resource, &grant.email);
                }
            }
            Ok(())
        });
        match closing.await {
            Some(Ok(())) => {}
            Some(Err(error)) => return refuse(self.unavailable(&error)),
            None => return refuse(self.out_of_time("sign-out")),
        }
        let mut response = match sign_out.format {
            Format::Html => page::respond(StatusCode::OK, page::signed_out()),
            Format::ProblemJson => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // A program's sign-out does not affect the browser's own session.
        let by_bearer = sign_out
            .sessions
            .iter()
            .any(|(_, session)| !session.is_cookie());
        if !by_bearer {
            self.forget_cookies(&sign_out, headers);
        }
        response
    }

    fn forget_cookies(&self, sign_out: &SignOut, headers: &mut HeaderMap) {
        let resource = sign_out.resource.as_ref();
        headers.append(SET_COOKIE, self.cookies.no_session(resource));
        for (resource, _) in &sign_out.sessions {
            if *resource != sign_out.resource {
                let forget = self.cookies.no_session(resource.as_ref());
                headers.append(SET_COOKIE, forget);
            }
        }
        // Otherwise the next page would redirect straight through Heroku and sign in again.
        let hint = self.cookies.without_hint(&sign_out.hints, resource);
        headers.append(SET_COOKIE, hint);
    }
}

/// Browsers say which site sent a form. A program that says nothing holds the cookie itself.
fn is_own_site<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    if let Some(site) = text(headers, "sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let authority = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    let host = text(headers, HOST.as_str()).or(authority);
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some((_, origin)), Some(host)) if origin == host)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
