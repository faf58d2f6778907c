//! What can come of a question about a session.

use tower_sessions::session_store;

#[cfg(feature = "jwt")]
use crate::jwt::JwtError;
use crate::store::StoreError;

/// Sessions cannot be looked up, opened or closed right now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("the session store cannot answer")]
    Sessions(#[from] session_store::Error),
    #[cfg(feature = "jwt")]
    #[error("a session cannot be signed")]
    Signing(#[from] JwtError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
