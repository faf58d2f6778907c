//! Erases a person from all resources.

use std::sync::Arc;

use crate::access::Email;
use crate::audit::AuditLog;
use crate::store::BoundedStore;
use crate::sync::SyncError;
use crate::sync::cluster::closed_sessions::ClosedSessions;
use crate::sync::run_to_completion::run_to_completion;

/// Erases this person from the store, and ends the sessions of which it had records.
pub(crate) async fn erase_person(
    store: &Arc<BoundedStore>,
    closed: &Arc<ClosedSessions>,
    email: &Email,
    audit: &AuditLog,
) -> Result<(), SyncError> {
    let (store, closed, email) = (Arc::clone(store), Arc::clone(closed), email.clone());
    let audit = audit.clone();
    run_to_completion(async move {
        let ended = store.erase_person(&email).await?;
        audit.person_erased(ended.len());
        for session in ended {
            closed.note(session);
        }
        Ok(())
    })
    .await
}
