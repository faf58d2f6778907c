//! Which session a request may use, and which resource it is for, before any session is looked up.

use heroku_sso_store::ResourceId;
use http::Request;

use super::paths::SessionScope;
use crate::config::ResourceOf;

/// What is known about a request without its session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// Which cookie applies.
    pub(super) scope: SessionScope,
    /// The resource that the session must be of: the one in the path, or the one of the app's own session.
    pub(super) resource: Option<ResourceId>,
}

impl Target {
    /// A request whose resource is named by its path, if at all.
    pub(super) fn by_path(scope: SessionScope) -> Self {
        let resource = scope.resource().copied();
        Self { scope, resource }
    }

    /// A request whose resource the app names, from a session of its own.
    pub(super) fn by_session<B>(
        scope: SessionScope,
        resource_of: &ResourceOf,
        request: Request<B>,
    ) -> (Self, Request<B>) {
        let (parts, body) = request.into_parts();
        let resource = resource_of.find(&parts);
        (Self { scope, resource }, Request::from_parts(parts, body))
    }

    /// True if a session of `resource` may be used.
    pub(super) fn allows(&self, resource: &ResourceId) -> bool {
        self.resource.is_none_or(|here| here == *resource)
    }
}
