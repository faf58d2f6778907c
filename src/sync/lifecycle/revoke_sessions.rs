//! Ends the sessions at one resource: of one person, or of all.

use std::sync::Arc;

use heroku_sso_store::{Email, ResourceId, Revocation};

use crate::sync::SyncError;
use crate::sync::cluster::coordinator::Coordinator;
use crate::sync::run_to_completion::run_to_completion;
use crate::sync::settings::SyncSettings;

/// Ends every session that this person has at the resource now.
pub(in crate::sync) async fn revoke(
    coordinator: &Arc<Coordinator>,
    settings: &SyncSettings,
    id: &ResourceId,
    email: &Email,
) -> Result<(), SyncError> {
    let (coordinator, id, email) = (Arc::clone(coordinator), *id, email.clone());
    let audit = settings.audit.clone();
    let keep_from = settings.oldest_session(coordinator.clock().now());
    // A revocation that is stored but not applied here would take effect only in the other processes.
    run_to_completion(async move {
        let entry = coordinator.entry(&id).await?;
        let store = coordinator.store();
        let sequence = store.next_sequence().await?;
        let revocation = Revocation::new(email.clone(), sequence, coordinator.clock().now());
        store.revoke(&id, revocation.clone(), keep_from).await?;
        entry.note_revocation(revocation, keep_from);
        audit.revoked(&id, &email);
        Ok(())
    })
    .await
}

/// Ends every session that any person has at the resource now.
pub(in crate::sync) async fn revoke_all(
    coordinator: &Arc<Coordinator>,
    settings: &SyncSettings,
    id: &ResourceId,
) -> Result<(), SyncError> {
    let (coordinator, id, audit) = (Arc::clone(coordinator), *id, settings.audit.clone());
    run_to_completion(async move {
        let entry = coordinator.entry(&id).await?;
        let store = coordinator.store();
        let sequence = store.next_sequence().await?;
        store.revoke_all(&id, sequence).await?;
        entry.note_revocation_of_all(sequence);
        audit.all_revoked(&id);
        Ok(())
    })
    .await
}
