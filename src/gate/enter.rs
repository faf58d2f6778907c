//! Admits a request that passed the check.

use std::future::ready;

use bytes::Bytes;
use http::header::{AUTHORIZATION, SET_COOKIE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;

use super::body::OwnAnswer;
use super::rejection_context::redirect;
use super::response_decorator::{ResponseDecorator, Vary};
use super::state::GateState;
use super::user::HerokuUser;
use crate::ids::ResourceId;
use crate::session::ReturnTo;

/// What happens to an admitted request.
pub(super) enum Next {
    /// The browser is redirected to another page.
    Respond(OwnAnswer),
    /// The request goes to the wrapped service, and this completes its response.
    Forward(ResponseDecorator),
}

/// Prepares an admitted request for the wrapped service. The request is changed in place, because requests
/// are large and each move is a copy.
pub(super) fn enter<B>(gate: &GateState, request: &mut Request<B>, user: HerokuUser) -> Next {
    let mut hint = None;
    if user.came_by_cookie() {
        if is_landing(gate, request, user.resource()) {
            if let Some(answer) = lead_back(gate, request, &user) {
                return Next::Respond(Box::pin(ready(answer)));
            }
            // The user has just signed in, and the form's response could not set this cookie.
            hint = gate.cookies.landed(request.headers(), user.resource());
        }
    } else {
        // The token was for the gate: any service that sees it could use it too.
        request.headers_mut().remove(AUTHORIZATION);
    }
    let reader = user.visit().clone();
    request.extensions_mut().insert(user);
    Next::Forward(ResponseDecorator {
        vary: Vary::of(gate),
        hint,
        reader: Some((reader, gate.streams)),
    })
}

/// Redirects the landing page, once, to the page that the user wanted when the last session ended.
fn lead_back<B>(
    gate: &GateState,
    request: &Request<B>,
    user: &HerokuUser,
) -> Option<Response<Full<Bytes>>> {
    let resource = user.resource();
    let way = gate.cookies.way_back(request.headers(), Some(resource))?;
    if way.resource != *resource {
        return None;
    }
    let wanted = way.wanted.clone()?;
    let mut response = redirect(HeaderValue::try_from(wanted).ok()?);
    let done = ReturnTo {
        wanted: None,
        ..way
    };
    let done = gate.cookies.set_way_back(&done);
    response.headers_mut().append(SET_COOKIE, done);
    Some(response)
}

fn is_landing<B>(gate: &GateState, request: &Request<B>, resource: &ResourceId) -> bool {
    let path = request.uri().path();
    request.method() == Method::GET && gate.paths.is_landing(path, resource)
}
