//! Extractors for axum (feature `axum`, on by default): [`HerokuUser`] and [`RequireRole`].

mod require_role;

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::Full;

use crate::gate::{HerokuUser, rejection_elsewhere};

pub use require_role::{RequireRole, RequiredRoles, role};

/// A handler takes [`HerokuUser`], but its route is not inside a gate.
///
/// The response is 500, and the log says what to do: a configuration error, which never gives access.
#[derive(Debug, thiserror::Error)]
#[error("this route is not inside the layer that provides the user")]
pub struct NotBehindGate {
    method: Method,
    path: Box<str>,
}

impl NotBehindGate {
    fn of(request: &Parts) -> Self {
        Self {
            method: request.method.clone(),
            path: request.uri.path().into(),
        }
    }
}

impl IntoResponse for NotBehindGate {
    fn into_response(self) -> Response<Body> {
        tracing::error!(
            method = %self.method, path = self.path,
            "a handler takes HerokuUser, but its route is not behind HerokuSso::layer(); apply the \
             layer after the route is added"
        );
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// Why a handler that takes [`HerokuUser`] or [`RequireRole`] was not called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserRejection {
    /// 500: the route is not inside a gate.
    #[error(transparent)]
    NotBehindGate(NotBehindGate),
    /// 403, as the gate refuses. The user lacks the role; or the request is now for another resource than
    /// at the gate ([`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path)).
    #[error("refused with {}", .0.status())]
    Refused(Box<Response>),
}

impl UserRejection {
    fn refused(rejection: http::Response<Full<Bytes>>) -> Self {
        Self::Refused(Box::new(rejection.map(Body::new)))
    }
}

impl IntoResponse for UserRejection {
    fn into_response(self) -> Response {
        match self {
            Self::NotBehindGate(rejection) => rejection.into_response(),
            Self::Refused(response) => *response,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for HerokuUser {
    type Rejection = UserRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, UserRejection> {
        let Some(user) = parts.extensions.get::<Self>().cloned() else {
            let rejection = NotBehindGate::of(parts);
            return Err(UserRejection::NotBehindGate(rejection));
        };
        match rejection_elsewhere(&user, parts) {
            Some(rejection) => Err(UserRejection::refused(rejection)),
            None => Ok(user),
        }
    }
}

/// None outside of a gate, and for an unauthenticated request behind
/// [`HerokuSso::optional_layer`](crate::HerokuSso::optional_layer).
impl<S: Sync> OptionalFromRequestParts<S> for HerokuUser {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        let user = parts.extensions.get::<Self>().cloned();
        Ok(user.filter(|user| rejection_elsewhere(user, parts).is_none()))
    }
}
