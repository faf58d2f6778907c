//! The record of a session that no client knows yet.

use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::oneshot::{self, error::RecvError};
use tokio::task::JoinHandle;
use tower_sessions::session::Id;
use tower_sessions::session_store;

use super::Grant;
use super::error::SessionError;
use super::stored::StoredSessions;
use crate::error_chain;

/// A record that is deleted unless [`keep`](Self::keep) is called. Without its cookie, the session could
/// neither be used nor signed out. So a sign-in that is dropped leaves no record, whether its client
/// disconnected or its time is up.
pub(super) struct UnsentRecord {
    id: Id,
    keep: oneshot::Sender<()>,
    owner: JoinHandle<()>,
}

impl fmt::Debug for UnsentRecord {
    /// The id is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnsentRecord(..)")
    }
}

impl UnsentRecord {
    /// Creates the record, in a task of its own that owns it until it is kept.
    pub(super) async fn create(
        stored: &Arc<StoredSessions>,
        grant: &Grant,
        latest_end: OffsetDateTime,
    ) -> Result<Self, SessionError> {
        let (stored, grant) = (Arc::clone(stored), grant.clone());
        let (created, answer) = oneshot::channel();
        let (keep, kept) = oneshot::channel();
        let owner = tokio::spawn(async move {
            match stored.create(&grant, latest_end).await {
                Ok(id) => {
                    // Each of them fails once the sign-in is dropped.
                    let is_kept = created.send(Ok(id)).is_ok() && kept.await.is_ok();
                    if !is_kept {
                        delete(&stored, &id).await;
                    }
                }
                Err(error) => drop(created.send(Err(error))),
            }
        });
        // The task panicked, or the runtime is shutting down.
        let interrupted = |error: RecvError| session_store::Error::Backend(error.to_string());
        let id = answer.await.map_err(interrupted)??;
        Ok(Self { id, keep, owner })
    }

    pub(super) fn id(&self) -> &Id {
        &self.id
    }

    /// From now on a client knows the session.
    pub(super) fn keep(self) {
        // Fails only if the runtime is shutting down.
        let _ = self.keep.send(());
    }

    /// Deletes the record, also if this is dropped.
    pub(super) async fn delete(self) {
        drop(self.keep);
        // The task logs its error.
        let _ = self.owner.await;
    }
}

async fn delete(stored: &StoredSessions, id: &Id) {
    if let Err(error) = stored.delete(id).await {
        tracing::warn!(
            %error, cause = error_chain::of(&error),
            "session deletion failed; an unused session stays until it expires"
        );
    }
}
