//! Ending a person's sessions at one resource.

use super::SyncError;
use super::directory::Directory;
use crate::access::Email;
use crate::audit;
use crate::ids::ResourceId;
use crate::store::Revocation;

impl Directory {
    /// Ends every session that this person has at the resource by now.
    pub(crate) async fn revoke(&self, id: &ResourceId, email: &Email) -> Result<(), SyncError> {
        let entry = self.entry(id).await?;
        let ticket = self.store.ticket().await?;
        let revocation = Revocation::new(email.clone(), ticket, self.clock.now());
        let keep_from = self.oldest_session();
        self.store.revoke(id, revocation.clone(), keep_from).await?;
        entry.revoke(revocation, keep_from);
        audit::revoked(id, email);
        Ok(())
    }
}
