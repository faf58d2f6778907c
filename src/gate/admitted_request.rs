//! Prepares a request that passed the check for the wrapped service.

use std::future::ready;

use http::header::AUTHORIZATION;
use http::{Method, Request};

use super::redirect_to_heroku::back_to_page;
use super::response_body::OwnAnswer;
use super::response_decorator::{ResponseDecorator, Vary};
use super::session_handle::SessionHandle;
use super::state::GateState;
use super::user::HerokuUser;
use crate::ids::ResourceId;

/// What happens to an admitted request.
pub(super) enum Next {
    /// The browser is redirected to another page.
    Respond(OwnAnswer),
    /// The request goes to the wrapped service, and this completes its response.
    Forward(ResponseDecorator),
}

/// Prepares an admitted request for the wrapped service. The request is changed in place, because requests
/// are large and each move is a copy.
pub(super) fn prepare<B>(gate: &GateState, request: &mut Request<B>, user: HerokuUser) -> Next {
    let mut hint = None;
    if user
        .origin
        .session()
        .is_some_and(SessionHandle::is_of_cookie)
    {
        if is_landing(gate, request, user.resource()) {
            if let Some(answer) = back_to_page(gate, request.headers(), user.resource()) {
                return Next::Respond(Box::pin(ready(answer)));
            }
            // The user has just signed in, and the form's response could not set this cookie.
            hint = gate
                .cookies
                .hint
                .after_landing(request.headers(), user.resource());
        }
    } else {
        // The token was for the gate: any service that sees it could use it too.
        request.headers_mut().remove(AUTHORIZATION);
    }
    let reader = user.origin.session().cloned();
    request.extensions_mut().insert(user);
    Next::Forward(ResponseDecorator {
        vary: Vary::of(gate),
        hint,
        reader: reader.map(|reader| (reader, gate.streams)),
    })
}

fn is_landing<B>(gate: &GateState, request: &Request<B>, resource: &ResourceId) -> bool {
    let path = request.uri().path();
    request.method() == Method::GET && gate.paths.is_landing(path, resource)
}
