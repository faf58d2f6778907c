//! The person whom an assertion names.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::NotBehindGate;
use crate::assertion::AssertedUser;

/// Outside of [`VerifyAssertion`](crate::assertion::VerifyAssertion) that is a 500 and a line in the
/// log, never a way in.
impl<S: Sync> FromRequestParts<S> for AssertedUser {
    type Rejection = NotBehindGate;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NotBehindGate> {
        let user = parts.extensions.get::<Self>().cloned();
        user.ok_or_else(|| NotBehindGate::of(parts))
    }
}
