//! Ends a person's sessions at one resource.

use std::sync::Arc;

use crate::access::Email;
use crate::audit;
use crate::ids::ResourceId;
use crate::store::Revocation;
use crate::sync::SyncError;
use crate::sync::directory::Directory;
use crate::sync::run_to_completion::run_to_completion;

impl Directory {
    /// Ends every session that this person has at the resource now.
    pub(crate) async fn revoke(
        self: &Arc<Self>,
        id: &ResourceId,
        email: &Email,
    ) -> Result<(), SyncError> {
        let (directory, id, email) = (Arc::clone(self), *id, email.clone());
        // A revocation that is stored but not applied here would take effect only in the other processes.
        run_to_completion(async move {
            let entry = directory.entry(&id).await?;
            let ticket = directory.store.ticket().await?;
            let revocation = Revocation::new(email.clone(), ticket, directory.clock.now());
            let keep_from = directory.oldest_session();
            let stored = directory.store.revoke(&id, revocation.clone(), keep_from);
            stored.await?;
            entry.revoke(revocation, keep_from);
            audit::revoked(&id, &email);
            Ok(())
        })
        .await
    }
}
