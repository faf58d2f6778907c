//! Watching one person's standing at one resource, for what outlives the check at its start.

use std::sync::Arc;

use tokio::sync::watch;

use super::SyncError;
use super::directory::Directory;
use super::entry::Entry;
use crate::access::{Admission, Email};
use crate::ids::{ResourceId, UserId};
use crate::store::Ticket;

/// Somebody with a stream.
#[derive(Debug)]
pub(crate) struct Watch {
    entry: Arc<Entry>,
    changed: watch::Receiver<()>,
}

impl Directory {
    pub(crate) async fn watch(&self, id: &ResourceId) -> Result<Watch, SyncError> {
        let entry = self.entry(id).await?;
        let changed = entry.watch();
        Ok(Watch { entry, changed })
    }
}

impl Watch {
    /// True while the newest list has the person, the session of that ticket is not revoked, and Heroku
    /// did not say that they may have left.
    pub(crate) fn is_listed(
        &mut self,
        email: &Email,
        user_id: Option<&UserId>,
        signed_in: Ticket,
    ) -> bool {
        self.changed.mark_unchanged();
        let entry = &self.entry;
        if entry.is_revoked(email, signed_in) || entry.in_doubt(email).is_some() {
            return false;
        }
        entry.held().is_some_and(|held| {
            let admission = held.snapshot.list.admission(email, user_id);
            matches!(admission, Admission::Listed(_))
        })
    }

    /// Resolves when the list, or who may use it, is another.
    pub(crate) async fn changed(&mut self) {
        // The sender lives in the entry, so the channel cannot close while this waits.
        let _ = self.changed.changed().await;
    }
}
