//! Which paths a router has routes for.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::{Extension, Router};
use http::StatusCode;
use tower::Service;

/// A router that says which route a path has, without calling it.
pub(super) struct RouterPaths(Router);

/// The route of a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Match {
    /// Its own.
    Exact,
    /// A wider one, such as `/{page}` for `/logout`.
    Pattern,
    None,
}

impl RouterPaths {
    pub(super) fn of(router: &Router) -> Self {
        // The first layer answers in place of everything, the second in place of the routes.
        let router = router.clone().layer(from_fn(no_route));
        Self(match router.has_routes() {
            true => router.route_layer(from_fn(route)),
            false => router,
        })
    }

    /// `path` may have parameters; then the exact match has some in the same places.
    pub(super) fn at(&self, path: &str) -> Match {
        let Some(found) = self.matched(path) else {
            return Match::None;
        };
        let same = |(a, b)| a == b || (is_parameter(a) && is_parameter(b));
        let (found, path) = (found.as_str().split('/'), path.split('/'));
        match found.clone().count() == path.clone().count() && found.zip(path).all(same) {
            true => Match::Exact,
            false => Match::Pattern,
        }
    }

    fn matched(&self, path: &str) -> Option<MatchedPath> {
        let path = path.replace(['{', '}'], "-");
        let request = Request::builder().uri(path).body(Body::empty());
        let answer = pin!(self.0.clone().call(request.ok()?));
        let mut context = Context::from_waker(Waker::noop());
        // The answers wait for nothing.
        match answer.poll(&mut context) {
            Poll::Ready(Ok(answer)) => answer.extensions().get().cloned(),
            Poll::Pending => None,
        }
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{') && !segment.starts_with("{*") && segment.ends_with('}')
}

async fn route(path: MatchedPath, _: Request, _: Next) -> Extension<MatchedPath> {
    Extension(path)
}

async fn no_route(_: Request, _: Next) -> StatusCode {
    StatusCode::NOT_FOUND
}
