//! Routers and handlers for a partner's axum app.

mod health;
#[cfg(feature = "jwt")]
mod jwks;
mod whoami;

use axum::Router;
use axum::routing::{any, get};
use http::StatusCode;

use crate::heroku_sso::HerokuSso;

impl HerokuSso {
    /// The SSO path and the sign-out path as routes, for a router whose fallback is not wrapped by
    /// [`layer`](Self::layer): with `route_layer`, under `nest`, or where a `merge` replaces it.
    ///
    /// [`partner_api`](Self::partner_api) contains these routes too: merge one of the two. With both, axum
    /// panics at start: "Cannot merge two `MethodRouter`s that both have a fallback".
    pub fn endpoints<S>(&self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        // The layer answers both paths before these handlers are reached.
        let routes = self.gate.paths.routes().into_iter();
        let router = routes.fold(Router::new(), |router, path| {
            router.route(&path, any(unreached))
        });
        router.route_layer(self.layer())
    }
}

/// Under the legacy policy, the form of add-ons from before `sso_url`, in addition to the Partner API's
/// methods at that path.
pub(crate) fn oldest_form<S>(sso: &HerokuSso, path: &str) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    match sso.gate.forms.accept_legacy() {
        true => {
            let route = Router::new().route(path, get(unreached));
            route.route_layer(sso.layer())
        }
        false => Router::new(),
    }
}

async fn unreached() -> StatusCode {
    StatusCode::NOT_FOUND
}
