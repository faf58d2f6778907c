//! [`HerokuSso`], the one value that a partner builds. It gives access to all other parts.

mod assemble;
mod builder;

use std::sync::Arc;

use crate::config::{Environment, Manifest, SetupError};
use crate::gate::{GateState, HerokuSsoLayer};
use crate::handles::{Lists, Resources, Sessions};
#[cfg(feature = "axum")]
use crate::routes::Routes;
use crate::sync::SyncHandle;

pub use builder::HerokuSsoBuilder;

/// SSO for one add-on: creates the layer, keeps the lists up to date, and leads to everything else.
///
/// | handle | for |
/// | --- | --- |
/// | [`routes`](Self::routes) | what Heroku calls, the SSO path, health checks, `/whoami` |
/// | [`resources`](Self::resources) | registering and deprovisioning resources, their tokens |
/// | [`lists`](Self::lists) | the access lists, their changes, and why one admits a user |
/// | [`sessions`](Self::sessions) | your own login, revocation, bearer tokens |
///
/// Cheap to clone, as its handles are; clones share all state.
#[derive(Clone, Debug)]
pub struct HerokuSso {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    gate: Arc<GateState>,
    #[cfg(feature = "axum")]
    routes: Routes,
    resources: Resources,
    lists: Lists,
    sessions: Sessions,
}

impl HerokuSso {
    fn new(gate: Arc<GateState>, manifest: Manifest) -> Self {
        let lists = Lists::new(Arc::clone(&gate.directory));
        let parts = Parts {
            #[cfg(feature = "axum")]
            routes: Routes::new(Arc::clone(&gate), lists.clone(), manifest),
            resources: Resources::new(Arc::clone(&gate.directory)),
            lists,
            sessions: Sessions::new(Arc::clone(&gate)),
            gate,
        };
        // Only the Partner API needs it.
        #[cfg(not(feature = "axum"))]
        drop(manifest);
        Self {
            parts: Arc::new(parts),
        }
    }

    /// Everything from environment variables: the manifest, the settings, the store of `DATABASE_URL`.
    /// [`options`](crate::guide::options#from-the-environment) has the table of variables.
    ///
    /// Without `DATABASE_URL` the state is in memory. A `DATABASE_URL` that cannot be used is an error.
    ///
    /// # Errors
    /// [`SetupError`] names the variable, and what to do.
    pub async fn from_env() -> Result<Self, SetupError> {
        let builder = Self::builder_from_env()?;
        builder.build().await
    }

    /// As [`from_env`](Self::from_env), for settings that have no variable: a method of the builder replaces
    /// what the environment says. The database is connected by [`build`](HerokuSsoBuilder::build).
    ///
    /// # Errors
    /// [`SetupError`] names all required variables that are missing, or one that is invalid, never its value.
    pub fn builder_from_env() -> Result<HerokuSsoBuilder, SetupError> {
        Environment::of_process().map(HerokuSsoBuilder::of)
    }

    /// As [`builder_from_env`](Self::builder_from_env), with the variables from elsewhere: a file, or the
    /// environment with other defaults. An empty value counts as not set.
    ///
    /// ```
    /// # fn main() -> Result<(), tower_heroku_sso::SetupError> {
    /// let builder = tower_heroku_sso::HerokuSso::builder_from_vars(|name| {
    ///     let value = match name {
    ///         "HEROKU_ADDON_SLUG" => "acme-queues",
    ///         "HEROKU_ADDON_PASSWORD" => "5ec2e7a1",
    ///         "HEROKU_SSO_SALT" => "0f8fad5b",
    ///         "HEROKU_CLIENT_SECRET" => "7c9e6679",
    ///         "REFRESH_INTERVAL_SECS" => "60",
    ///         _ => return None,
    ///     };
    ///     Some(value.to_owned())
    /// })?;
    /// # let _ = builder;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`builder_from_env`](Self::builder_from_env).
    pub fn builder_from_vars(
        variables: impl Fn(&str) -> Option<String>,
    ) -> Result<HerokuSsoBuilder, SetupError> {
        Environment::read(variables).map(HerokuSsoBuilder::of)
    }

    /// Starts with a manifest, which has no defaults; all other settings have one. Reads no variables.
    pub fn builder(manifest: Manifest) -> HerokuSsoBuilder {
        HerokuSsoBuilder::new(manifest)
    }

    /// The gate: wraps a service so that it receives only requests of users on the resource's list. It also
    /// handles the SSO path and the sign-out path. See [`gate`](crate::gate).
    ///
    /// In axum, `.merge(...)` and `.nest(...)` can remove the fallback through which requests to those two
    /// paths reach the layer. Then also merge [`Routes::sign_in`] or [`Routes::partner_api`], which route
    /// them.
    pub fn layer(&self) -> HerokuSsoLayer {
        HerokuSsoLayer::required(Arc::clone(&self.parts.gate))
    }

    /// As [`layer`](Self::layer), but **admits every request**. It only tells the wrapped service which
    /// user is signed in, for pages that greet a customer and also serve visitors without a session.
    pub fn optional_layer(&self) -> HerokuSsoLayer {
        HerokuSsoLayer::optional(Arc::clone(&self.parts.gate))
    }

    /// Starts the task that keeps every registered resource's list up to date, on the current Tokio
    /// runtime. It stops when the handle is dropped.
    ///
    /// Without it, only sign-ins fetch lists, and sessions end after one refresh interval. This process then
    /// receives no changes from other processes on the same store: a user revoked by one of them keeps access
    /// here until the session ends. A warning says so.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn spawn_sync(&self) -> SyncHandle {
        self.parts.gate.directory.spawn_sync()
    }

    /// Routers and handlers for axum.
    #[cfg(feature = "axum")]
    pub fn routes(&self) -> &Routes {
        &self.parts.routes
    }

    /// The provisioned resources, and their grants at Heroku.
    pub fn resources(&self) -> &Resources {
        &self.parts.resources
    }

    /// The access lists of all resources.
    pub fn lists(&self) -> &Lists {
        &self.parts.lists
    }

    /// The sessions at this gate.
    pub fn sessions(&self) -> &Sessions {
        &self.parts.sessions
    }
}
