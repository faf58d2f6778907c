//! The settings for an app with a login of its own that introduces the gate step by step.

use heroku_sso_store::ResourceId;
use http::request::Parts;

use super::HerokuSsoBuilder;
use crate::config::{Config, Enforcement, ResourceOf};

/// # Introducing the gate
impl HerokuSsoBuilder {
    settings! {
        /// Which requests the gate rejects, for an app with a login of its own that introduces the gate step
        /// by step: see [`coming_from`](crate::guide::coming_from). Default: [`Enforcement::Enforce`], all.
        enforcement: Enforcement => |config, enforcement| config.enforcement = enforcement;
    }

    /// The resource of a request by the app's own session, for an app that keeps a login of its own. None if
    /// that session names no resource, or there is none.
    ///
    /// A request for which this names a resource passes only with a session *of that resource*. Otherwise a
    /// user who was removed from one resource could open it by the app's old session and another resource's
    /// sign-in. Under [`Enforcement::For`] it also decides whether a request is enforced or observed.
    ///
    /// It is called for each request before anything is looked up, so it must not block, and a panic in it
    /// is a panic of the request. A layer outside of the gate can read a session from a database beforehand,
    /// and put it into the request's extensions. Cannot be combined with
    /// [`resource_in_path`](Self::resource_in_path). Default: none.
    pub fn resource_of(
        mut self,
        find: impl Fn(&Parts) -> Option<ResourceId> + Send + Sync + 'static,
    ) -> Self {
        self.config.resource_of = Some(ResourceOf::new(find));
        self
    }
}
