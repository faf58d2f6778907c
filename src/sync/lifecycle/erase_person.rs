//! Erases a person from all resources.

use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::{Email, STORE_CALL};

use crate::audit::AuditLog;
use crate::clock::SharedClock;
use crate::deadlines::{LIST, REQUEST};
use crate::error_chain;
use crate::store::{BoundedStore, StoreError};
use crate::sync::SyncError;
use crate::sync::cluster::closed_sessions::ClosedSessions;
use crate::sync::run_to_completion::run_to_completion;

/// After this time, every sign-in and every fetch that began before an erasure has stored its result, in any
/// process.
const UNDER_WAY: Duration = LIST.saturating_add(REQUEST).saturating_add(STORE_CALL);

/// What the erasure of a person needs.
pub(crate) struct Erasure {
    pub(crate) store: Arc<BoundedStore>,
    pub(crate) closed: Arc<ClosedSessions>,
    pub(crate) audit: AuditLog,
    pub(crate) clock: SharedClock,
}

impl Erasure {
    /// Erases this person from the store, and ends the sessions of which the store had records. Does so again
    /// after [`UNDER_WAY`], in the background.
    pub(crate) async fn erase(self, email: Email) -> Result<(), SyncError> {
        run_to_completion(async move {
            let ended = self.erase_stored(&email).await?;
            self.audit.person_erased(ended);
            tokio::spawn(self.erase_again(email));
            Ok(())
        })
        .await
    }

    /// The number of sessions that this has ended.
    async fn erase_stored(&self, email: &Email) -> Result<usize, StoreError> {
        let ended = self.store.erase_person(email).await?;
        let count = ended.len();
        for session in ended {
            self.closed.note(session);
        }
        Ok(count)
    }

    async fn erase_again(self, email: Email) {
        self.clock.sleep(UNDER_WAY).await;
        if let Err(error) = self.erase_stored(&email).await {
            tracing::warn!(
                %error, cause = error_chain::of(&error),
                "second erasure of a person failed; work in progress at the first may have stored them"
            );
        }
    }
}
