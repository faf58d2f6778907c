//! The name of a session for others than its holder.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The name of a session that gives nothing away: the SHA-256 of its id, in hex.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SessionKey(String);

impl SessionKey {
    pub(crate) fn of(session_id: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(session_id)))
    }

    /// The key that a store wrote down.
    pub fn from_stored(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key as text, for a store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
