//! Refuses a user at a page of another resource: a router inside the gate may have changed the path.

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use http_body_util::Full;

use super::RejectionKind;
use super::original_uri;
use super::paths::SessionScope;
use super::rejection::Rejection;
use super::response_format::Format;
use super::user::HerokuUser;

/// The rejection, if this request is not for the resource that the gate admitted the user to.
pub(crate) fn rejection_elsewhere(
    user: &HerokuUser,
    request: &Parts,
) -> Option<Response<Full<Bytes>>> {
    let path = original_uri::of(&request.extensions, &request.uri);
    let path = path.path().strip_prefix(&*user.mount);
    let is_here = match path.map(|path| user.session.paths().scope(path)) {
        Some(SessionScope::Any) => true,
        Some(SessionScope::Resource(resource)) => resource == *user.resource(),
        Some(SessionScope::None) | None => false,
    };
    if is_here {
        return None;
    }
    let rejection = Rejection::new(RejectionKind::OtherResource);
    Some(rejection.into_response(Format::of(&request.headers), &request.method))
}
