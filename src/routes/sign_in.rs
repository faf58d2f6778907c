//! The paths that the gate answers itself, as routes.

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};
use http::StatusCode;

use crate::gate::{GateState, HerokuSsoLayer};

/// The SSO path and the sign-out path.
pub(super) fn routes<S>(gate: &Arc<GateState>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let paths = gate.paths.routes().into_iter();
    let router = paths.fold(Router::new(), |router, path| {
        router.route(&path, any(unreached))
    });
    router.route_layer(HerokuSsoLayer::required(Arc::clone(gate)))
}

/// Under the legacy policy, the form of add-ons from before `sso_url`, in addition to the Partner API's
/// methods at that path.
pub(super) fn legacy_form<S>(gate: &Arc<GateState>, path: &str) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    match gate.forms.accept_legacy() {
        true => {
            let route = Router::new().route(path, get(unreached));
            route.route_layer(HerokuSsoLayer::required(Arc::clone(gate)))
        }
        false => Router::new(),
    }
}

/// The layer answers before this handler is reached.
async fn unreached() -> StatusCode {
    StatusCode::NOT_FOUND
}
