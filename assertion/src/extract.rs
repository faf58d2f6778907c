//! The extractor for axum.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode};

use crate::AssertedUser;

/// A handler takes [`AssertedUser`], but its route is not inside
/// [`VerifyAssertion`](crate::VerifyAssertion).
///
/// The response is 500, and the log says what to do: a configuration error, which never gives access.
#[derive(Debug)]
pub struct NotVerified {
    method: Method,
    path: Box<str>,
}

impl std::fmt::Display for NotVerified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this route is not inside the layer that verifies assertions")
    }
}

impl std::error::Error for NotVerified {}

impl IntoResponse for NotVerified {
    fn into_response(self) -> Response {
        tracing::error!(
            method = %self.method, path = self.path,
            "handler takes AssertedUser, but its route is not behind VerifyAssertion: apply the layer \
             after the route is added"
        );
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// Outside of [`VerifyAssertion`](crate::VerifyAssertion) the response is 500 with a line in the log; it
/// never gives access.
impl<S: Sync> FromRequestParts<S> for AssertedUser {
    type Rejection = NotVerified;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NotVerified> {
        let user = parts.extensions.get::<Self>().cloned();
        user.ok_or_else(|| NotVerified {
            method: parts.method.clone(),
            path: parts.uri.path().into(),
        })
    }
}
