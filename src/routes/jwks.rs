//! The public keys of assertions.

use axum::Router;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::assertion::Assertions;

/// The path at which services look for the keys (RFC 8615 has `/.well-known`).
const JWKS: &str = "/.well-known/jwks.json";

impl Assertions {
    /// The route of the public keys, `GET /.well-known/jwks.json`, to be merged outside of the gate.
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
