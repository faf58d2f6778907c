//! [`Routes`]: routers and handlers for a partner's axum app.

mod health;
#[cfg(feature = "jwt")]
mod jwks;
mod own_path;
mod protect;
mod router_paths;
mod sign_in;
mod whoami;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;

use self::health::Check;
use self::protect::Mounted;
use crate::config::Manifest;
use crate::gate::GateState;
use crate::handles::Lists;
use crate::partner_api::{self, Addon};

/// Routers and handlers for axum (feature `axum`). From [`HerokuSso::routes`](crate::HerokuSso::routes);
/// cheap to clone.
#[derive(Clone)]
pub struct Routes {
    gate: Arc<GateState>,
    lists: Lists,
    manifest: Arc<Manifest>,
    mounted: Arc<Mounted>,
}

impl Routes {
    pub(crate) fn new(gate: Arc<GateState>, lists: Lists, manifest: Manifest) -> Self {
        Self {
            gate,
            lists,
            manifest: Arc::new(manifest),
            mounted: Arc::default(),
        }
    }

    /// All routes that Heroku calls, as a router to merge: the Partner API under `/heroku/resources`, and the
    /// routes of [`sign_in`](Self::sign_in) and [`webhooks`](Self::webhooks).
    ///
    /// Merge it outside of the gate, as Heroku has no session:
    /// `sso.protect(router).merge(sso.routes().partner_api(addon))`. See
    /// [`partner_api`](crate::partner_api).
    pub fn partner_api<S, A>(&self, addon: A) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
        A: Addon,
    {
        let directory = Arc::clone(&self.gate.directory);
        partner_api::resources(directory, Arc::clone(&self.manifest), addon)
            .merge(sign_in::legacy_form(&self.gate, partner_api::RESOURCE))
            .merge(sign_in::routes(&self.gate))
            .merge(self.webhook_route(false))
    }

    /// The SSO path, the sign-out path and, if it is set, the path where command-line clients sign in, as
    /// routes.
    ///
    /// [`protect`](crate::HerokuSso::protect) and [`partner_api`](Self::partner_api) have them too. They
    /// are for a router with [`layer`](crate::HerokuSso::layer) whose fallback is not inside of it: with
    /// `route_layer`, under `nest`, or where a `merge` replaces the fallback. Merging them twice does no
    /// harm.
    ///
    /// Has no routes while the gate [observes](crate::Enforcement) any resource: the app has its own inside
    /// the layer.
    pub fn sign_in<S>(&self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        self.mounted.sign_in.store(true, Ordering::Relaxed);
        sign_in::routes(&self.gate)
    }

    /// The route that receives Heroku's webhooks, `POST /heroku/webhooks`; an empty router if none are
    /// configured ([`webhooks`](crate::HerokuSsoBuilder::webhooks)).
    /// [`protect`](crate::HerokuSso::protect) and [`partner_api`](Self::partner_api) have it too.
    ///
    /// | request | answer |
    /// | --- | --- |
    /// | signed with one of the secrets | 204, also if it contains nothing relevant or is a repetition |
    /// | without a signature, with a wrong one or with several | 401 |
    /// | not a POST | 405 |
    /// | larger than 256 KiB | 413 |
    /// | incomplete after 10 seconds | 408 |
    /// | signed, but the store does not answer in time, or the resources are still being read from it | 503: Heroku sends it again |
    pub fn webhooks<S>(&self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        self.webhook_route(false)
    }

    fn webhook_route<S>(&self, is_first: bool) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let Some(receiver) = partner_api::webhooks(&self.gate.directory) else {
            return Router::new();
        };
        let layer = from_fn_with_state(receiver, partner_api::receive_webhook);
        let route = match is_first {
            true => own_path::first(layer),
            false => own_path::shared(layer),
        };
        Router::new().route(partner_api::WEBHOOKS, route)
    }

    /// A handler for `/healthz`, outside of the gate: 200 while the store answers and the sync runs,
    /// else 503. While the database is unavailable a restart does not help: see DEPLOYING.md.
    ///
    /// A result is reused for a second, so that the route may be public. A store that does
    /// not answer within five seconds counts as unavailable.
    ///
    /// The body has the details: `store_reachable`, `sync_alive`, `lists_fresh`,
    /// `lists_lagging`, and `oldest_list_age_seconds` (null without a list).
    pub fn healthz<S>(&self) -> MethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let clock = Arc::clone(self.gate.directory.clock());
        health::handler(self.lists.clone(), clock, Check::Alive)
    }

    /// A handler for `/readyz`: as [`healthz`](Self::healthz), and 503 also while a list in
    /// use is older than `max_list_age`, so that its users get 503. Use this one for alerts: a restart
    /// does not help if it is Heroku that does not answer.
    pub fn readyz<S>(&self) -> MethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let clock = Arc::clone(self.gate.directory.clock());
        health::handler(self.lists.clone(), clock, Check::Ready)
    }

    /// A handler for `/whoami`, inside the gate: the signed-in user, as JSON.
    ///
    /// | field | value |
    /// | --- | --- |
    /// | `email` | the user's email |
    /// | `user_id` | the user's account at Heroku, or null |
    /// | `proof` | `signed_email`, `own_login` or `unsigned_email`. With the last, the email is only claimed, and there is neither account nor role |
    /// | `resource_id` | the resource |
    /// | `app` | its app, with `id` and `name` |
    /// | `roles` | the roles on the newest list |
    /// | `session_expires_at` | the end of the session, in RFC 3339 |
    ///
    /// The response is not cached.
    ///
    /// ```
    /// # fn app(sso: tower_heroku_sso::HerokuSso) -> axum::Router {
    /// sso.protect(
    ///     axum::Router::new()
    ///         .route("/whoami", sso.routes().whoami())
    ///         .route("/whoami.html", sso.routes().whoami_html()),
    /// )
    /// # }
    /// ```
    pub fn whoami<S>(&self) -> MethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        whoami::json()
    }

    /// As [`whoami`](Self::whoami), as a fragment of HTML for a page of yours: the signed-in user, the
    /// app, the end of the session, and a button to sign out.
    ///
    /// The outermost element has the class `heroku-sso-whoami`; nothing is styled.
    pub fn whoami_html<S>(&self) -> MethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        whoami::html()
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").finish_non_exhaustive()
    }
}
