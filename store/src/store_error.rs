//! The error of every call to a store.

use std::fmt;
use std::sync::Arc;

use crate::error_chain;

/// A call to the store failed: the store is unavailable, or a value that must not count as missing cannot be
/// read. See [`Store`](crate::Store).
#[derive(Clone, thiserror::Error)]
#[error("the store failed")]
pub struct StoreError(#[source] Arc<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps the error of the database behind a store.
    ///
    /// The gate logs the texts of this error and of all its sources. They must contain no password, as a
    /// database's URL does, no token and no email. MySQL's `Duplicate entry 'ann@example.com' for key …` is
    /// an example: replace such an error by one of your own.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into().into())
    }
}

impl fmt::Debug for StoreError {
    /// As shown when `main` returns the error: with its cause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&error_chain::with(self))
    }
}
