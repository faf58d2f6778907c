//! Rejects a user at a page of another resource: a router inside the gate may have changed the path.

use http::request::Parts;

use super::RejectionKind;
use super::original_uri;
use super::paths::SessionScope;
use super::rejection::Rejection;
use super::user::HerokuUser;

/// The rejection, if this request is not for the resource that the gate admitted the user to.
pub(crate) fn rejection_elsewhere(user: &HerokuUser, request: &Parts) -> Option<Rejection> {
    // A test's user has no session, so there are no paths to compare.
    let session = user.origin.session()?;
    let path = original_uri::of(&request.extensions, &request.uri);
    let path = path.path().strip_prefix(&*user.mount);
    let is_here = match path.map(|path| session.paths().scope(path)) {
        Some(SessionScope::Any) => true,
        Some(SessionScope::Resource(resource)) => resource == *user.resource(),
        Some(SessionScope::None) | None => false,
    };
    (!is_here).then(|| Rejection::new(RejectionKind::OtherResource))
}
