//! The paths that the gate answers itself, as routes.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::StatusCode;

use super::own_path;
use crate::gate::{GateState, HerokuSsoLayer};

/// The SSO path, the sign-out path, and the path where command-line clients sign in.
pub(super) fn routes<S>(gate: &Arc<GateState>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let paths = gate.paths.routes().into_iter();
    paths.fold(Router::new(), |router, (_, path)| {
        let gate = HerokuSsoLayer::required(Arc::clone(gate));
        router.route(&path, own_path::shared(gate))
    })
}

/// Under the legacy policy, the form of add-ons from before `sso_url`, in addition to the Partner API's
/// methods at that path.
pub(super) fn legacy_form<S>(gate: &Arc<GateState>, path: &str) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    match gate.forms.accept_legacy() && gate.enforcement.is_total() {
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
