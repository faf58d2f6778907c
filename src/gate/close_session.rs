//! Closes sessions: those that a denial ends, those that a user signs out of, and the previous session of a
//! browser that signs in again.

use std::sync::Arc;

use heroku_sso_store::SessionKey;

use super::state::GateState;
use crate::clock;
use crate::deadlines::SESSION_CLOSING;
use crate::error_chain;
use crate::session::{Credential, Grant, SessionError, SessionManager, SessionRef};
use crate::sync::SyncError;

/// Closes a session that a denial ends. If its deletion from the store fails, its next request is rejected
/// again.
pub(super) async fn close(sessions: &SessionManager, session: &SessionRef) {
    // This process closes the session before the first wait. The rest continues in the background.
    match clock::within(SESSION_CLOSING, sessions.close(session)).await {
        Some(Ok(())) => {}
        Some(Err(error)) => {
            tracing::warn!(%error, cause = error_chain::of(&error), "session record could not be deleted");
        }
        None => tracing::warn!("deleting a session record is slow; not waiting for it"),
    }
}

/// Closes the session that a credential names, if there is one, and returns its name and grant. A session
/// of a resource that is not registered here is left alone: it belongs to another deployment on the same
/// session store.
pub(super) async fn close_named(
    gate: &GateState,
    credential: &Credential<'_>,
) -> Result<Option<(SessionKey, Arc<Grant>)>, SessionError> {
    let found = gate.sessions.find(credential).await;
    let mut key = None;
    if let Ok(Some((session, grant))) = &found {
        key = Some(session.key());
        let known = gate.directory.known_list(&grant.resource).await;
        if matches!(known, Err(SyncError::UnknownResource)) {
            return Ok(None);
        }
    }
    let closed = gate.sessions.close_found(credential, found).await?;
    Ok(key.zip(closed))
}

/// Closes the session that a browser had before it signed in again.
pub(super) async fn close_previous(gate: &GateState, previous: &Credential<'_>) {
    // The sign-in has consumed its form, and must not fail because of this.
    match clock::within(SESSION_CLOSING, close_named(gate, previous)).await {
        Some(Ok(_)) => {}
        Some(Err(error)) => {
            tracing::warn!(%error, cause = error_chain::of(&error), "previous session could not be closed");
        }
        None => tracing::warn!("closing the previous session is slow; not waiting for it"),
    }
}
