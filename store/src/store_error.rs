//! The error of every call to a store.

use std::fmt;
use std::sync::Arc;

use crate::error_chain;

/// A call to the store failed: it is unavailable, or holds a value that cannot be read.
#[derive(Clone, thiserror::Error)]
#[error("the store failed")]
pub struct StoreError(#[source] Arc<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps the error of the database behind a store.
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
