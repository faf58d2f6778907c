//! The way in of somebody who passed.

use std::future::ready;

use bytes::Bytes;
use http::header::{AUTHORIZATION, SET_COOKIE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;

use super::body::OwnAnswer;
use super::finish::{Finish, Vary};
use super::keeper::Keeper;
use super::user::HerokuUser;
use super::visitor::redirect;
use crate::ids::ResourceId;
use crate::session::WayBack;

/// What becomes of a request of somebody who passed.
pub(super) enum Entrance {
    /// The browser is led to another page.
    Elsewhere(OwnAnswer),
    /// The response from behind the gate is to be finished like this.
    Inside(Finish),
}

/// Readies the request of somebody who passed for the wrapped service. In its place: requests are large,
/// and each move of one is a copy.
pub(super) fn enter<B>(keeper: &Keeper, request: &mut Request<B>, user: HerokuUser) -> Entrance {
    let mut hint = None;
    if user.came_by_cookie() {
        if is_landing(keeper, request, user.resource()) {
            if let Some(answer) = lead_back(keeper, request, &user) {
                return Entrance::Elsewhere(Box::pin(ready(answer)));
            }
            // Of somebody who has just signed in, where the form could not set it.
            hint = keeper.cookies.landed(request.headers(), user.resource());
        }
    } else {
        // It was for the gate: whoever sees it could use it too.
        request.headers_mut().remove(AUTHORIZATION);
    }
    let reader = user.visit().clone();
    request.extensions_mut().insert(user);
    Entrance::Inside(Finish {
        vary: Vary::of(keeper),
        hint,
        reader: Some((reader, keeper.streams)),
    })
}

/// The landing page leads on to the page that was wanted when the last session ended, once.
fn lead_back<B>(
    keeper: &Keeper,
    request: &Request<B>,
    user: &HerokuUser,
) -> Option<Response<Full<Bytes>>> {
    let resource = user.resource();
    let way = keeper.cookies.way_back(request.headers(), Some(resource))?;
    if way.resource != *resource {
        return None;
    }
    let wanted = way.wanted.clone()?;
    let mut response = redirect(HeaderValue::try_from(wanted).ok()?);
    let done = WayBack {
        wanted: None,
        ..way
    };
    let done = keeper.cookies.set_way_back(&done);
    response.headers_mut().append(SET_COOKIE, done);
    Some(response)
}

fn is_landing<B>(keeper: &Keeper, request: &Request<B>, resource: &ResourceId) -> bool {
    let path = request.uri().path();
    request.method() == Method::GET && keeper.paths.is_landing(path, resource)
}
