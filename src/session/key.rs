//! How a session gets its [`SessionKey`].

use tower_sessions::session::Id;

use crate::store::SessionKey;

/// A digest of the id: whoever reads it cannot take the session over.
pub(crate) fn session_key(id: &Id) -> SessionKey {
    SessionKey::of(&id.0.to_le_bytes())
}

/// The name of a session that has no record.
#[cfg(feature = "jwt")]
pub(super) fn new_session_key() -> SessionKey {
    session_key(&Id::default())
}
