//! How a session's [`SessionKey`] is derived.

use heroku_sso_store::SessionKey;
use tower_sessions::session::Id;

/// A digest of the id: it cannot be used to take over the session.
pub(crate) fn session_key(id: &Id) -> SessionKey {
    SessionKey::of(&id.0.to_le_bytes())
}

/// The name of a session without a record.
#[cfg(feature = "jwt")]
pub(super) fn new_session_key() -> SessionKey {
    session_key(&Id::default())
}
