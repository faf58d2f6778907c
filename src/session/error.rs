//! The error of every operation on sessions.

use tower_sessions::session_store;

#[cfg(feature = "jwt")]
use crate::jwt::JwtError;
use crate::store::StoreError;

/// A session cannot be looked up, opened or closed now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("the session store is unavailable")]
    Sessions(#[from] session_store::Error),
    #[error("the resource has ended")]
    ResourceEnded,
    #[cfg(feature = "jwt")]
    #[error("the session could not be signed")]
    Signing(#[from] JwtError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
