//! The sign-out endpoint.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HOST, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::accept::Format;
use super::keeper::Keeper;
use super::refusal::Refusal;
use super::{RefusalKind, page};
use crate::audit;
use crate::session::SessionId;

/// What a sign-out depends on, taken from its request.
#[derive(Debug)]
pub(super) struct SignOut {
    method: Method,
    format: Format,
    own_site: bool,
    session: Option<SessionId>,
}

impl SignOut {
    pub(super) fn of<B>(keeper: &Keeper, request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            format: Format::of(request.headers()),
            own_site: is_own_site(request),
            session: keeper.cookies.session_id(request.headers()),
        }
    }
}

impl Keeper {
    /// Ends the session, if there is one, and takes the cookies back.
    pub(super) async fn sign_out(&self, sign_out: SignOut) -> Response<Full<Bytes>> {
        let refuse = |refusal: Refusal| refusal.into_response(sign_out.format, &sign_out.method);
        if sign_out.method != Method::POST {
            return refuse(Refusal::method_not_allowed("POST"));
        }
        if !sign_out.own_site {
            return refuse(Refusal::new(RefusalKind::CrossSite));
        }
        if let Some(id) = sign_out.session {
            // The grant is read for the audit event only: a session ends whoever it belongs to.
            let grant = self.sessions.load(&id).await.ok().flatten();
            if let Err(error) = self.sessions.close(&id).await {
                return refuse(super::check::unavailable(error));
            }
            if let Some(grant) = grant {
                audit::signed_out(&grant.resource, &grant.email);
            }
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
        headers.append(SET_COOKIE, self.cookies.no_session());
        // Without this the next page would lead straight through Heroku and in again.
        headers.append(SET_COOKIE, self.cookies.no_hint());
        response
    }
}

/// Browsers say where a form comes from; a program that says nothing holds the cookie itself.
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
