//! Watching one person's standing at one resource, for what outlives the check at its start.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::SyncError;
use super::current::{Decider, Principal, decider};
use super::directory::Directory;
use super::entry::Entry;
use crate::access::Admission;
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

    /// How long the person may stay before this is to be asked again: the newest list has them, after one
    /// fetch if it is old, the session of that ticket is not revoked, Heroku did not say that they may
    /// have left, and the resource is not dormant. None if they may not stay.
    pub(crate) async fn may_stay(&self, who: Principal<'_>) -> Option<Duration> {
        let is_barred = || {
            let entry = &self.entry;
            entry.is_dormant()
                || entry.is_revoked(who.email, who.ticket)
                || entry.in_doubt(who.email).is_some()
        };
        // A resource that has ended has no list.
        if is_barred() || self.entry.held().is_none() {
            return None;
        }
        // Nothing is gained by cutting a stream while a fetch is under way.
        let patience = self.directory.settings.deadlines.list;
        let decider = decider(&self.directory, &self.entry, who.began, patience);
        let Ok(Decider::List(held, left)) = decider.await else {
            return None;
        };
        let admission = held.snapshot.list.admission(who.email, who.user_id);
        if is_barred() || !matches!(admission, Admission::Listed(_)) {
            return None;
        }
        let is_old = held.age(&self.directory.clock) > self.directory.settings.refresh_interval;
        Some(if is_old { left.min(ASK_AGAIN) } else { left })
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
