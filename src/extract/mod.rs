//! Extractors for axum (feature `axum`, on by default): [`HerokuUser`], [`RequireRole`] and
//! [`RequirePermission`].

mod require_permission;
mod require_role;

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::Full;

use crate::clock::{LogThrottle, SharedClock, SystemClock};
use crate::gate::{HerokuUser, Rejection, reject, rejection_elsewhere, rejection_without_user};

pub use require_permission::{RequirePermission, RequiredPermission, permission};
pub use require_role::{RequireRole, RequiredRoles, role};

/// A handler takes [`HerokuUser`], but the request has none: its route is not inside a gate.
///
/// The response is 500, and the log says what to do, as an error once an hour: a configuration mistake, which
/// never gives access. While the gate observes, every request gets it: take `Option<HerokuUser>` there.
#[derive(Debug, thiserror::Error)]
#[error("this route is not behind the gate")]
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

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl IntoResponse for NotBehindGate {
    fn into_response(self) -> Response<Body> {
        // There is no gate whose clock this could use, and any outsider can send such requests.
        static LOGGED: LazyLock<(LogThrottle, SharedClock)> = LazyLock::new(|| {
            let clock: SharedClock = Arc::new(SystemClock::default());
            (LogThrottle::default(), clock)
        });
        const MISTAKE: &str = "a handler takes HerokuUser, but its route is not behind the gate: put it into \
            the router that HerokuSso::protect is given, or inside HerokuSso::layer. While the gate observes, \
            there is no user: take Option<HerokuUser> or Observed";
        let (throttle, clock) = &*LOGGED;
        let (method, path) = (&self.method, &self.path);
        match throttle.is_due(clock) {
            true => {
                tracing::error!(%method, path, "{MISTAKE} (further ones this hour: debug level)")
            }
            false => tracing::debug!(%method, path, "{MISTAKE}"),
        }
        self.status().into_response()
    }
}

/// The request may not call the handler.
///
/// The response is the gate's. It is 403 if the user lacks the role or permission, or if the request is now for
/// another resource than at the gate ([`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path)). It is
/// 401 without a user, behind [`HerokuSso::optional_layer`](crate::HerokuSso::optional_layer): a page that is
/// for visitors too takes `Option<HerokuUser>`.
#[derive(Debug, thiserror::Error)]
#[error("{}", .rejection.kind().title())]
pub struct NotAllowed {
    rejection: Box<Rejection>,
    response: Box<http::Response<Full<Bytes>>>,
}

impl NotAllowed {
    fn new(rejection: Rejection, request: &Parts) -> Self {
        Self {
            response: Box::new(reject(rejection.clone(), request)),
            rejection: Box::new(rejection),
        }
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The details.
    pub fn rejection(&self) -> &Rejection {
        &self.rejection
    }
}

impl IntoResponse for NotAllowed {
    fn into_response(self) -> Response {
        self.response.map(Body::new)
    }
}

/// Why a handler that takes [`HerokuUser`], [`RequireRole`] or [`RequirePermission`] was not called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserRejection {
    /// 500: the route is not inside a gate.
    #[error(transparent)]
    NotBehindGate(#[from] NotBehindGate),
    /// 401 or 403: there is no user, or the user may not call this handler.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
}

impl UserRejection {
    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotBehindGate(rejection) => rejection.status(),
            Self::NotAllowed(rejection) => rejection.status(),
        }
    }
}

impl IntoResponse for UserRejection {
    fn into_response(self) -> Response {
        match self {
            Self::NotBehindGate(rejection) => rejection.into_response(),
            Self::NotAllowed(rejection) => rejection.into_response(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for HerokuUser {
    type Rejection = UserRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, UserRejection> {
        let Some(user) = parts.extensions.get::<Self>().cloned() else {
            return Err(match rejection_without_user(parts) {
                Some(rejection) => NotAllowed::new(rejection, parts).into(),
                None => NotBehindGate::of(parts).into(),
            });
        };
        match rejection_elsewhere(&user, parts) {
            Some(rejection) => Err(NotAllowed::new(rejection, parts).into()),
            None => Ok(user),
        }
    }
}

/// None outside of a gate, for an unauthenticated request behind
/// [`HerokuSso::optional_layer`](crate::HerokuSso::optional_layer), while the gate observes, and at a page of
/// another resource.
impl<S: Sync> OptionalFromRequestParts<S> for HerokuUser {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        let user = parts.extensions.get::<Self>().cloned();
        Ok(user.filter(|user| rejection_elsewhere(user, parts).is_none()))
    }
}
