//! Error answers in Heroku's shape.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error answer: a status and a body of `id` and `message`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    id: &'static str,
    message: &'static str,
}

impl Refusal {
    const fn new(status: StatusCode, id: &'static str, message: &'static str) -> Self {
        Self {
            status,
            id,
            message,
        }
    }

    const fn invalid(message: &'static str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_params", message)
    }

    pub(super) const BAD_GRANT: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "bad_request",
        "The grant is unknown, used or expired.",
    );
    pub(super) const BAD_REQUEST: Self =
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "Request invalid.");
    pub(super) const UNAUTHORIZED: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "Invalid credentials provided.",
    );
    pub(super) const FORBIDDEN: Self = Self::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        "The token gives no access to this.",
    );
    pub(super) const NOT_FOUND: Self = Self::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "There is no object with this id or name.",
    );
    pub(super) const NOT_ACCEPTABLE: Self = Self::new(
        StatusCode::NOT_ACCEPTABLE,
        "not_acceptable",
        "The Accept header must be application/vnd.heroku+json; version=3.",
    );
    pub(super) const GONE: Self = Self::new(StatusCode::GONE, "gone", "This add-on was deleted.");
    pub(super) const BAD_RANGE: Self = Self::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "requested_range_not_satisfiable",
        "The Range header cannot be used here.",
    );
    pub(super) const BAD_INCLUDE: Self =
        Self::invalid("include must be a list of entities, such as api:collaborator.");
    pub(super) const BAD_LEVEL: Self = Self::invalid("level must be notify or sync.");
    pub(super) const BAD_CONFIG: Self =
        Self::invalid("config must be a list of objects with a name and a value.");
    pub(super) const NOT_PENDING: Self = Self::invalid("The add-on does not wait for this action.");
    pub(super) const BAD_URL: Self = Self::invalid("url must be an http or https address.");
    pub(super) const NO_TEXT: Self = Self::invalid("secret and authorization must be text.");
    pub(super) const UNKNOWN_FIELD: Self = Self::invalid("A field of the request is unknown.");
    pub(super) const RATE_LIMIT: Self = Self::new(
        StatusCode::TOO_MANY_REQUESTS,
        "rate_limit",
        "The request pool of this account is empty.",
    );
    pub(super) const UNAVAILABLE: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "Try again later.",
    );

    /// The error answer for any status.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let known = [
            Self::BAD_REQUEST,
            Self::UNAUTHORIZED,
            Self::FORBIDDEN,
            Self::NOT_FOUND,
            Self::NOT_ACCEPTABLE,
            Self::GONE,
            Self::BAD_RANGE,
            Self::RATE_LIMIT,
            Self::UNAVAILABLE,
        ];
        let found = known.into_iter().find(|refusal| refusal.status == status);
        found.unwrap_or(Self::new(status, "simulated", "A simulated failure."))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "id": self.id, "message": self.message });
        (self.status, Json(body)).into_response()
    }
}
