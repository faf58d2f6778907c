//! The responses of a service behind the gate to a request without a valid assertion.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

/// Why a request is rejected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rejection {
    /// No assertion, or an invalid one. The client cannot correct this: requests must go through the gate.
    NotAsserted,
    /// The gate's keys are unavailable.
    NoKeys,
}

impl Rejection {
    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let (status, kind, title) = match self {
            Self::NotAsserted => (
                StatusCode::UNAUTHORIZED,
                "not-asserted",
                "This service is available only through its dashboard",
            ),
            Self::NoKeys => (
                StatusCode::SERVICE_UNAVAILABLE,
                "cannot-check",
                "This request cannot be checked now",
            ),
        };
        let problem = json!({
            "type": format!("urn:tower-heroku-sso:{kind}"),
            "title": title,
            "status": status.as_u16(),
        });
        let mut response = Response::new(Full::from(problem.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, json);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::NotAsserted => {
                let scheme = HeaderValue::from_static("Heroku-SSO");
                headers.insert(http::header::WWW_AUTHENTICATE, scheme);
            }
            Self::NoKeys => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("30"));
            }
        }
        response
    }
}
