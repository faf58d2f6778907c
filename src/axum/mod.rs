//! Thin adapters for axum: extractors and routers (feature `axum`, on by default).

mod health;
mod require_role;

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::StatusCode;
use http::request::Parts;

use crate::gate::HerokuUser;
use crate::heroku_sso::HerokuSso;

pub use require_role::{RequireRole, RequiredRoles, RoleRejection, role};

impl HerokuSso {
    /// The SSO path and the sign-out path as routes, for a router whose fallback is not wrapped by
    /// [`layer`](Self::layer): with `route_layer`, under `nest`, or where a `merge` replaces it.
    ///
    /// [`partner_api`](Self::partner_api) has these routes too: merge one of the two. With both, axum
    /// panics at start about two method routers that overlap.
    pub fn endpoints<S>(&self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        // The layer answers both paths before these handlers are reached.
        Router::new()
            .route(&self.keeper.sso_path, any(unreached))
            .route(&self.keeper.sign_out_path, any(unreached))
            .route_layer(self.layer())
    }
}

async fn unreached() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// A handler asked for [`HerokuUser`], but no gate is around its route.
///
/// Answers 500 and logs what to do: a mistake in the set-up, never a way in.
#[derive(Debug, thiserror::Error)]
#[error("this route is not behind `HerokuSso::layer()`")]
#[non_exhaustive]
pub struct NotBehindGate;

impl IntoResponse for NotBehindGate {
    fn into_response(self) -> Response<Body> {
        tracing::error!(
            "a handler takes HerokuUser, but its route is not behind HerokuSso::layer(); \
             apply the layer after the route is added"
        );
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for HerokuUser {
    type Rejection = NotBehindGate;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NotBehindGate> {
        parts.extensions.get().cloned().ok_or(NotBehindGate)
    }
}

/// None outside of a gate, and behind [`HerokuSso::identify_layer`] for a stranger.
impl<S: Sync> OptionalFromRequestParts<S> for HerokuUser {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}
