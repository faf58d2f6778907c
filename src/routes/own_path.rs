//! Routes of the crate itself, which can be mounted more than once.

use std::convert::Infallible;

use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, Route, any};
use http::StatusCode;
use tower::{Layer, Service};

/// Answers every method by `layer`, which never calls what it wraps.
///
/// axum merges two such routes of one path: neither has a method, and each has only the default fallback,
/// with the layer around it.
pub(super) fn shared<S, L>(layer: L) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    L: Layer<Route> + Clone + Send + Sync + 'static,
    L::Service: Service<Request> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request>>::Response: IntoResponse + 'static,
    <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
    <L::Service as Service<Request>>::Future: Send + 'static,
{
    MethodRouter::new().layer(layer)
}

/// The same for the first mounting: a `method_not_allowed_fallback` that is set later does not replace it. It
/// merges with any number of [`shared`] ones.
pub(super) fn first<S, L>(layer: L) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    L: Layer<Route> + Clone + Send + Sync + 'static,
    L::Service: Service<Request> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request>>::Response: IntoResponse + 'static,
    <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
    <L::Service as Service<Request>>::Future: Send + 'static,
{
    any(unreached).layer(layer)
}

async fn unreached() -> StatusCode {
    StatusCode::NOT_FOUND
}
