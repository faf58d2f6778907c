//! The public name of a session.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The name of a session, which does not reveal its id: the SHA-256 of the id, in hex. Cheap to
/// clone.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(from = "String", into = "String")]
pub struct SessionKey(Arc<str>);

impl SessionKey {
    /// The key of the session with this id.
    #[doc(hidden)]
    pub fn of(session_id: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(session_id)).into())
    }

    /// A key as read from a store.
    pub fn from_stored(key: impl Into<String>) -> Self {
        Self(key.into().into())
    }

    /// The key as text, for a store: 64 hex digits if [`of`](Self::of) made it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for SessionKey {
    fn from(key: String) -> Self {
        Self::from_stored(key)
    }
}

impl From<SessionKey> for String {
    fn from(key: SessionKey) -> Self {
        key.as_str().to_owned()
    }
}
