//! Prepares a request that passed the check for the wrapped service.

use std::future::ready;

use bytes::Bytes;
use http::header::{AUTHORIZATION, SET_COOKIE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;

use super::original_uri;
use super::redirect_to_heroku::back_to_page;
use super::rejection::Rejection;
use super::rejection_kind::RejectionKind;
use super::response_body::OwnAnswer;
use super::response_decorator::{ResponseDecorator, Vary};
use super::response_format::{Format, is_navigation, is_prefetch};
use super::session_handle::SessionHandle;
use super::state::GateState;
use super::user::HerokuUser;
use crate::audit::RequestId;
use crate::meter;

/// What happens to an admitted request.
pub(super) enum Next {
    /// The gate answers: with a redirect to another page, or by rejecting a WebSocket of another site.
    Respond(OwnAnswer),
    /// The request goes to the wrapped service, and this completes its response.
    Forward(ResponseDecorator),
}

/// Prepares an admitted request for the wrapped service. The request is changed in place, because requests
/// are large and each move is a copy.
pub(super) fn prepare<B>(gate: &GateState, request: &mut Request<B>, user: HerokuUser) -> Next {
    let mut cookies = Vec::new();
    if user
        .origin
        .session()
        .is_some_and(SessionHandle::is_of_cookie)
    {
        if let Some(origin) = gate.origins.foreign_handshake(request) {
            let id = RequestId::of(request.headers());
            let answer = reject_origin(gate, origin, &user, &id);
            return Next::Respond(gate.on_rejection.about(request).of(ready(answer)));
        }
        if is_landing(gate, request, &user) {
            let headers = request.headers();
            // The user has just signed in, and the form's response could not set these cookies.
            cookies = gate.cookies.after_landing(headers, user.resource());
            if is_navigation(request.method(), headers)
                && let Some(mut answer) = back_to_page(gate, headers, user.resource())
            {
                for cookie in cookies {
                    answer.headers_mut().append(SET_COOKIE, cookie);
                }
                return Next::Respond(Box::pin(ready(answer)));
            }
        }
    } else {
        // The token was for the gate: any service that sees it could use it too.
        request.headers_mut().remove(AUTHORIZATION);
    }
    let reader = user.origin.session().cloned();
    request.extensions_mut().insert(user);
    Next::Forward(ResponseDecorator {
        vary: Vary::of(gate),
        html_cache: gate.html_cache,
        cookies,
        reader: reader.map(|reader| (reader, gate.streams)),
    })
}

fn reject_origin(
    gate: &GateState,
    origin: &HeaderValue,
    user: &HerokuUser,
    request: &RequestId,
) -> Response<Full<Bytes>> {
    if let Some(session) = user.origin.session() {
        session.audit_rejection(request, "foreign_origin");
    }
    meter::guard_rejection(RejectionKind::ForeignOrigin.code());
    if gate.warnings.foreign_origin.is_due(gate.directory.clock()) {
        tracing::warn!(
            ?origin,
            "a websocket from another site was rejected (logged at most once an hour): if it is your site, \
             set `public_url` (PUBLIC_URL) to its address, or permit the origin by `allowed_origins`"
        );
    }
    let rejection = Rejection::new(RejectionKind::ForeignOrigin);
    let why = format_args!("origin {origin:?} is neither this site's nor allowed");
    let rejection = gate.reasons.add(rejection, &why);
    rejection.into_response(Format::ProblemJson, &Method::GET)
}

fn is_landing<B>(gate: &GateState, request: &Request<B>, user: &HerokuUser) -> bool {
    // The landing path may include the prefix that an outer router has removed.
    let is_landing = |path: &str| gate.paths.is_landing(path, user.resource());
    let has_its_path = is_landing(request.uri().path())
        || (!user.mount.is_empty() && is_landing(original_uri::path_and_query(request).path()));
    has_its_path && request.method() == Method::GET && !is_prefetch(request.headers())
}
