//! The way in of somebody who passed.

use bytes::Bytes;
use http::header::{AUTHORIZATION, SET_COOKIE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;

use super::check::Passage;
use super::finish::Finish;
use super::keeper::Keeper;
use super::visitor::redirect;
use crate::config::Streams;
use crate::ids::ResourceId;
use crate::session::WayBack;

/// What becomes of a request of somebody who passed.
pub(super) enum Entrance {
    /// The browser is led to another page.
    Elsewhere(Response<Full<Bytes>>),
    /// The response from behind the gate is to be finished like this.
    Inside(Finish),
}

/// Readies the request of somebody who passed for the wrapped service. In its place: requests are large,
/// and each move of one is a copy.
pub(super) fn enter<B>(keeper: &Keeper, request: &mut Request<B>, passage: Passage) -> Entrance {
    let mut hint = None;
    if passage.by_cookie && is_landing(keeper, request, passage.user.resource()) {
        if let Some(answer) = lead_back(keeper, request, &passage) {
            return Entrance::Elsewhere(answer);
        }
        // Of somebody who has just signed in, where the form could not set it.
        let resource = passage.user.resource();
        hint = keeper.cookies.landed(request.headers(), resource);
    }
    let ends = keeper.streams == Streams::EndWithAccess;
    let reader = ends.then(|| passage.user.visit().clone());
    request.extensions_mut().insert(passage.user);
    if !passage.by_cookie {
        // It was for the gate: whoever sees it could use it too.
        request.headers_mut().remove(AUTHORIZATION);
    }
    let cookies = match (passage.cookie, hint) {
        (None, None) => Vec::new(),
        (cookie, hint) => cookie.into_iter().chain(hint).collect(),
    };
    Entrance::Inside(Finish {
        vary: keeper.varies_by(),
        cookies,
        reader,
    })
}

/// The landing page leads on to the page that was wanted when the last session ended, once.
fn lead_back<B>(
    keeper: &Keeper,
    request: &Request<B>,
    passage: &Passage,
) -> Option<Response<Full<Bytes>>> {
    let resource = passage.user.resource();
    let way = keeper.cookies.way_back(request.headers(), Some(resource))?;
    let wanted = way.wanted.clone()?;
    let done = keeper.cookies.set_way_back(&WayBack {
        wanted: None,
        ..way.clone()
    });
    if way.resource != *resource {
        return None;
    }
    let mut response = redirect(HeaderValue::try_from(wanted).ok()?);
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, done);
    if let Some(cookie) = &passage.cookie {
        headers.append(SET_COOKIE, cookie.clone());
    }
    Some(response)
}

fn is_landing<B>(keeper: &Keeper, request: &Request<B>, resource: &ResourceId) -> bool {
    let path = request.uri().path();
    request.method() == Method::GET && keeper.paths.is_landing(path, resource)
}
