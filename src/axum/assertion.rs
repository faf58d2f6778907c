//! Assertions: the route of the keys, and the person as an extractor.

use axum::Router;
use axum::extract::FromRequestParts;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;

use super::NotBehindGate;
use crate::assertion::{AssertedUser, Assertions};

/// Where services look for the keys (RFC 8615 has `/.well-known`).
const JWKS: &str = "/.well-known/jwks.json";

impl Assertions {
    /// The route of the public keys, `GET /.well-known/jwks.json`, for outside of the gate.
    pub fn jwks<S>(&self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let set: String = self.public_jwks().to_owned();
        let headers = [
            (CONTENT_TYPE, "application/jwk-set+json"),
            (CACHE_CONTROL, "public, max-age=300"),
        ];
        Router::new().route(JWKS, get(move || async move { (headers, set.clone()) }))
    }
}

/// Outside of [`VerifyAssertion`](crate::assertion::VerifyAssertion) that is a 500 and a line in the
/// log, never a way in.
impl<S: Sync> FromRequestParts<S> for AssertedUser {
    type Rejection = NotBehindGate;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NotBehindGate> {
        let user = parts.extensions.get::<Self>().cloned();
        user.ok_or_else(|| NotBehindGate::of(parts))
    }
}
