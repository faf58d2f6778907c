//! [`HerokuSso`], the one value that a partner builds. It gives access to all other parts.

#[macro_use]
mod setting_methods;
mod assemble;
mod builder;
mod introduction;

use std::sync::Arc;

use crate::config::{Environment, Manifest, SetupError};
use crate::gate::{GateState, HerokuSsoLayer};
use crate::handles::{Lists, Resources, Sessions};
use crate::readiness::Readiness;
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
/// | [`sessions`](Self::sessions) | your own login, values in sessions, revocation, bearer tokens |
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
        let lists = Lists::new(Arc::clone(&gate));
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

    /// Puts an axum router behind the gate: its routes, its fallback and its middleware. The result also has
    /// the SSO path, the sign-out path, and, if they are configured, the path where command-line clients sign
    /// in and that of webhooks.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use tower_heroku_sso::{HerokuSso, HerokuUser, partner_api::NoProvisioning};
    /// # fn app(sso: HerokuSso) -> Router {
    /// sso.protect(Router::new().route("/", get(dashboard))) // inside: for users on the list
    ///     .merge(sso.routes().partner_api(NoProvisioning)) // outside: for Heroku
    ///     .route("/healthz", sso.routes().healthz()) // outside: for your platform
    /// # }
    /// # async fn dashboard(user: HerokuUser) -> String { user.email().to_string() }
    /// ```
    ///
    /// Only routes that you add to the result are open. **Everything else is behind the gate**, also paths
    /// that have no route, so that strangers cannot find out which exist. If the router needs state, call
    /// `with_state` on it first.
    ///
    /// The result is an ordinary router:
    ///
    /// | then | |
    /// | --- | --- |
    /// | `merge`, `route`, `layer`, `route_layer` | as with any router; the routes stay behind the gate |
    /// | `nest` | all paths are below the prefix, those of the gate too: the manifest's `sso_url` has it. This is the way to protect a part of a site |
    /// | `fallback` | replaces the fallback: missing paths are then open. Rather set it on the router inside |
    /// | `merge` with a router that has a fallback | axum panics. Set the fallback on the router inside, or nest |
    /// | `method_not_allowed_fallback` | has no effect on the routes inside, as it would tell which exist. Rather set it on the router inside |
    /// | `route` at a path that the router inside has | axum panics, unless the methods differ |
    /// | `protect` again, of another router | its routes are behind the gate, and its own paths work below a `nest` of its own. Merge it into the first one, which answers for missing paths. Anywhere else, and by a `method_not_allowed_fallback`, strangers can tell which of its paths exist |
    ///
    /// Because it knows the router, it does more than [`layer`](Self::layer): a request's body ends with
    /// an error once its user's access ends (unless
    /// [`leave_streams_open`](crate::HerokuSsoBuilder::leave_streams_open) is set), and the gate's answers do not
    /// tell which routes and methods exist: their header `Allow` is empty.
    ///
    /// The router may have a route at a path that the gate answers, such as a `/logout` of its own. A warning
    /// then names the setting that moves the gate's path.
    ///
    /// # Panics
    /// If the router has the routes that Heroku calls, `/heroku/resources` or `/heroku/webhooks`: Heroku has
    /// no session. Or if it has a route at a path of the gate after
    /// [`sign_in`](crate::Routes::sign_in) was called: both would answer that path.
    #[cfg(feature = "axum")]
    #[track_caller]
    pub fn protect<S>(&self, router: axum::Router) -> axum::Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        self.parts.routes.protect(router)
    }

    /// The gate for any service of HTTP requests: it wraps the service so that it receives only requests of
    /// users on the resource's list, and answers the SSO path and the sign-out path. For an axum router use
    /// [`protect`](Self::protect); [`gate`](crate::gate#what-the-layer-cannot-do) says what the layer
    /// cannot do.
    pub fn layer(&self) -> HerokuSsoLayer {
        HerokuSsoLayer::required(Arc::clone(&self.parts.gate))
    }

    /// As [`layer`](Self::layer), but **admits every request**. It only tells the wrapped service which
    /// user is signed in, for pages that greet a customer and also serve visitors without a session. A
    /// handler of such a page takes `Option<HerokuUser>`: one that takes
    /// [`HerokuUser`](crate::HerokuUser) rejects these visitors with 401. The layer itself rejects only a
    /// WebSocket that a page of another site opens with a session.
    pub fn optional_layer(&self) -> HerokuSsoLayer {
        HerokuSsoLayer::optional(Arc::clone(&self.parts.gate))
    }

    /// Whether the gate can be enforced: what was observed in this process, and what is missing. See
    /// [`Enforcement::Observe`](crate::Enforcement::Observe).
    ///
    /// Reads every resource in memory: about 10 ms for 100,000.
    pub fn readiness(&self) -> Readiness {
        let gate = &self.parts.gate;
        Readiness::of(&gate.directory, gate.observer.observations())
    }

    /// Starts the task that keeps every registered resource's list up to date, on the current Tokio
    /// runtime. It stops when the handle is dropped.
    ///
    /// Without it, a list is fetched only while a request waits for it, and sessions end when no request has
    /// used the resource for [`max_list_age`](HerokuSsoBuilder::max_list_age). This process then receives no
    /// changes from other processes on the same store: a user revoked by one of them keeps access here until
    /// the session ends. A warning says so.
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
