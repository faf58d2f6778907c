//! [`HerokuUser`] as an extractor for axum (feature `axum`, on by default).

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

/// Why a handler that takes [`HerokuUser`] was not called.
///
/// - 500: its route is not inside a gate. The log says what to do, as an error once an hour. While the gate
///   observes, every request gets it: take `Option<HerokuUser>` there.
/// - 403: the request is now for another resource than at the gate
///   ([`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path)).
/// - 401: there is no user, behind [`HerokuSso::optional_layer`](crate::HerokuSso::optional_layer). A page that
///   is for visitors too takes `Option<HerokuUser>`.
///
/// The response of the last two is the gate's.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct UserRejection(Reason);

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error("this route is not behind the gate")]
    NotBehindGate { method: Method, path: Box<str> },
    #[error("{}", .rejection.kind().title())]
    NotAllowed {
        rejection: Box<Rejection>,
        response: Box<http::Response<Full<Bytes>>>,
    },
}

impl UserRejection {
    fn not_behind_gate(request: &Parts) -> Self {
        Self(Reason::NotBehindGate {
            method: request.method.clone(),
            path: request.uri.path().into(),
        })
    }

    fn not_allowed(rejection: Rejection, request: &Parts) -> Self {
        Self(Reason::NotAllowed {
            response: Box::new(reject(rejection.clone(), request)),
            rejection: Box::new(rejection),
        })
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match &self.0 {
            Reason::NotBehindGate { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Reason::NotAllowed { response, .. } => response.status(),
        }
    }

    /// The gate's rejection; none for a route that is not inside a gate.
    pub fn rejection(&self) -> Option<&Rejection> {
        match &self.0 {
            Reason::NotBehindGate { .. } => None,
            Reason::NotAllowed { rejection, .. } => Some(rejection),
        }
    }
}

impl IntoResponse for UserRejection {
    fn into_response(self) -> Response {
        let status = self.status();
        match self.0 {
            Reason::NotBehindGate { method, path } => {
                log_mistake(&method, &path);
                status.into_response()
            }
            Reason::NotAllowed { response, .. } => response.map(Body::new),
        }
    }
}

/// Says what to do. Any outsider can send such requests, so it is an error only once an hour.
fn log_mistake(method: &Method, path: &str) {
    // There is no gate whose clock this could use.
    static LOGGED: LazyLock<(LogThrottle, SharedClock)> = LazyLock::new(|| {
        let clock: SharedClock = Arc::new(SystemClock::default());
        (LogThrottle::default(), clock)
    });
    const MISTAKE: &str = "a handler takes HerokuUser, but its route is not behind the gate: put it into \
        the router that HerokuSso::protect is given, or inside HerokuSso::layer. While the gate observes, \
        there is no user: take Option<HerokuUser> or Observed";
    let (throttle, clock) = &*LOGGED;
    match throttle.is_due(clock) {
        true => tracing::error!(%method, path, "{MISTAKE} (further ones this hour: debug level)"),
        false => tracing::debug!(%method, path, "{MISTAKE}"),
    }
}

impl<S: Sync> FromRequestParts<S> for HerokuUser {
    type Rejection = UserRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, UserRejection> {
        let Some(user) = parts.extensions.get::<Self>().cloned() else {
            return Err(match rejection_without_user(parts) {
                Some(rejection) => UserRejection::not_allowed(rejection, parts),
                None => UserRejection::not_behind_gate(parts),
            });
        };
        match rejection_elsewhere(&user, parts) {
            Some(rejection) => Err(UserRejection::not_allowed(rejection, parts)),
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
