//! The body of a request from Heroku.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::header::CONNECTION;
use http::{HeaderValue, StatusCode};

use super::routes::message;
use crate::request_body::{self, BodyError};

/// A body of at most this many bytes that arrived in time.
pub(super) struct LimitedBody<const LIMIT: usize>(pub(super) Bytes);

impl<S: Send + Sync, const LIMIT: usize> FromRequest<S> for LimitedBody<LIMIT> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let body = request_body::read(&parts.headers, body, LIMIT).await;
        body.map(Self).map_err(rejection)
    }
}

fn rejection(error: BodyError) -> Response {
    let (status, text) = match error {
        BodyError::Broken => (StatusCode::BAD_REQUEST, "the body could not be read"),
        BodyError::Slow => (
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        ),
        BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
    };
    let mut response = message(status, text).into_response();
    if error != BodyError::Broken {
        // The remainder of the body is not read.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}
