//! Watching one person's standing at one resource, for what outlives the check at its start.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::SyncError;
use super::authorize::authorize_at;
use super::decide::{Principal, SessionStart, Strictness};
use super::directory::Directory;
use super::entry::Entry;
use crate::ids::ResourceId;

/// How long until a list is asked about again that nothing newer could be had in place of.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// Somebody with a stream.
#[derive(Debug)]
pub(crate) struct Watch {
    directory: Arc<Directory>,
    entry: Arc<Entry>,
}

/// Tells when the list, or who may use it, is another.
#[derive(Debug)]
pub(crate) struct ListChanges(watch::Receiver<()>);

impl Directory {
    pub(crate) async fn watch(self: &Arc<Self>, id: &ResourceId) -> Result<Watch, SyncError> {
        let entry = self.entry(id).await?;
        let directory = Arc::clone(self);
        Ok(Watch { directory, entry })
    }
}

impl Watch {
    pub(crate) fn changes(&self) -> ListChanges {
        ListChanges(self.entry.watch())
    }

    /// How long the person may stay before this is to be asked again. None if they may not stay.
    pub(crate) async fn may_stay(
        &self,
        who: Principal<'_>,
        session: &SessionStart,
    ) -> Option<Duration> {
        let (directory, entry) = (&self.directory, &self.entry);
        // A resource that has ended has no list.
        entry.held()?;
        // Nothing is gained by cutting a stream while a fetch is under way.
        let patience = directory.settings.deadlines.list;
        let (session, strictness) = (Some(session), Strictness::STREAM);
        let access = authorize_at(directory, entry, who, session, strictness, patience);
        let access = access.await.ok()?;
        let is_old = access.list.age(&directory.clock) > directory.settings.refresh_interval;
        Some(match is_old {
            true => access.left.min(ASK_AGAIN),
            false => access.left,
        })
    }
}

impl ListChanges {
    /// What has changed until now is known.
    pub(crate) fn mark_seen(&mut self) {
        self.0.mark_unchanged();
    }

    pub(crate) async fn next(&mut self) {
        // The sender lives in the entry, so the channel cannot close while this waits.
        let _ = self.0.changed().await;
    }
}
