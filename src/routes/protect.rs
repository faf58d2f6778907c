//! An axum router behind the gate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::MethodRouter;
use http::header::ALLOW;
use http::{HeaderValue, Response, StatusCode};
use tower::Layer;
use tower::util::{MapRequestLayer, MapResponseLayer};

use super::router_paths::{Match, RouterPaths};
use super::{Routes, own_path};
use crate::gate::{GateBody, GateState, HerokuSsoLayer, HerokuUser, Upload};
use crate::partner_api;

/// Which parts were mounted before.
#[derive(Debug, Default)]
pub(super) struct Mounted {
    protect: AtomicBool,
    /// By the partner's own call of `routes().sign_in()`.
    pub(super) sign_in: AtomicBool,
}

type Answer = Response<GateBody<Body>>;

/// The layers around each route, from the outside: a change of the gate's answers, the gate, and a change of
/// the requests that it passes on.
type ProtectLayer = (
    MapResponseLayer<fn(Answer) -> Answer>,
    HerokuSsoLayer,
    MapRequestLayer<fn(Request) -> Request>,
);

impl Routes {
    /// See [`HerokuSso::protect`](crate::HerokuSso::protect).
    #[track_caller]
    pub(crate) fn protect<S>(&self, router: Router) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let paths = RouterPaths::of(&router);
        reject_routes_for_heroku(&paths);
        let is_first = !self.mounted.protect.swap(true, Ordering::Relaxed);
        let mut gated = router.clone();
        if is_first {
            self.check_covered_routes(&paths);
            // A `method_not_allowed_fallback` that is set later would be outside of the gate, and tell which
            // paths have a route. axum replaces only the default one, so this one stays.
            gated = gated.method_not_allowed_fallback(method_not_allowed);
        }
        // Each route has the gate, so that it keeps it wherever the router is merged or nested.
        gated = gated.layer(layer(&self.gate));
        if is_first {
            // A `merge` keeps a fallback that was set, and drops the default one. Without this one, paths
            // that have no route would then be open, and tell which paths have one.
            gated = gated.fallback_service(layer(&self.gate).layer(router));
        }
        self.with_own_routes(gated, &paths, is_first).with_state(())
    }

    /// Adds the paths that the gate answers itself, and webhooks. A path that has a route needs no other, as
    /// the gate around that route answers.
    fn with_own_routes(&self, mut gated: Router, paths: &RouterPaths, is_first: bool) -> Router {
        for (_, path) in self.gate.paths.routes() {
            let is_free = match paths.at(&path) {
                Match::None => true,
                // axum prefers a path without parameters.
                Match::Pattern => !path.contains('{'),
                Match::Exact => false,
            };
            if is_free {
                let gate = HerokuSsoLayer::required(Arc::clone(&self.gate));
                let route: MethodRouter = match is_first {
                    true => own_path::first(gate),
                    false => own_path::shared(gate),
                };
                gated = gated.route(&path, route);
            }
        }
        gated.merge(self.webhook_route(is_first))
    }

    /// Warns of routes of the app at the gate's own paths.
    ///
    /// # Panics
    /// If these may be the gate's own routes.
    #[track_caller]
    fn check_covered_routes(&self, paths: &RouterPaths) {
        let sign_in_is_mounted = self.mounted.sign_in.load(Ordering::Relaxed);
        for (setting, path) in self.gate.paths.routes() {
            if paths.at(&path) != Match::Exact {
                continue;
            }
            assert!(
                !sign_in_is_mounted,
                "`{path}` has a route inside of `protect`, which never gets a request: remove \
                 `routes().sign_in()` from the router, as `protect` has these routes"
            );
            tracing::warn!(
                setting,
                path,
                "the app has a route at a path of the gate, which answers in its place: remove the route, \
                 or move the gate's path by this setting"
            );
        }
    }
}

/// Heroku has no session, so the gate would reject its calls.
#[track_caller]
fn reject_routes_for_heroku(paths: &RouterPaths) {
    for (path, instead) in [
        (
            partner_api::RESOURCES,
            "merge `partner_api` into what `protect` returns: \
             `sso.protect(router).merge(sso.routes().partner_api(addon))`",
        ),
        (
            partner_api::WEBHOOKS,
            "`protect` adds this route itself if webhooks are configured, so remove it from the router, and \
             call `protect` only once for it",
        ),
    ] {
        assert!(
            paths.at(path) != Match::Exact,
            "`{path}` is inside of `protect`, where Heroku cannot call it: {instead}"
        );
    }
}

fn layer(gate: &Arc<GateState>) -> ProtectLayer {
    (
        MapResponseLayer::new(hide_methods),
        HerokuSsoLayer::required(Arc::clone(gate)),
        MapRequestLayer::new(end_body_with_access),
    )
}

/// axum adds an `Allow` with the methods of the route to an answer that has none. It would tell anyone which
/// routes there are, so the answers of the gate have one that names no method.
fn hide_methods(mut answer: Answer) -> Answer {
    if answer.body().is_own() {
        let allow = answer.headers_mut().entry(ALLOW);
        allow.or_insert(const { HeaderValue::from_static("") });
    }
    answer
}

/// As axum's default.
async fn method_not_allowed() -> StatusCode {
    StatusCode::METHOD_NOT_ALLOWED
}

fn end_body_with_access(mut request: Request) -> Request {
    match request.extensions_mut().remove::<HerokuUser>() {
        Some(user) => {
            let mut request = request.map(|body| Body::new(Upload::new(body, &user)));
            request.extensions_mut().insert(user);
            request
        }
        None => request,
    }
}
