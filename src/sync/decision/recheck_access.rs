//! Checks access again for streams, which outlive the check at their start.

use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::ResourceId;
use tokio::sync::watch;

use super::authorize::Authorizer;
use super::decide::{SessionStart, Strictness};
use crate::clock::{Budget, Reading};
use crate::sync::SyncError;
use crate::sync::state::entry::Entry;
use crate::sync::state::person_marks::Principal;

/// How often a stream is checked again while its list is old and cannot be refreshed.
const RECHECK: Duration = Duration::from_secs(60);

/// Checks access to one resource again while a stream is open.
#[derive(Debug)]
pub(crate) struct Watch {
    authorizer: Arc<Authorizer>,
    entry: Arc<Entry>,
}

/// Wakes when the list or a person's access changes.
#[derive(Debug)]
pub(crate) struct ListChanges(watch::Receiver<()>);

impl Watch {
    /// Begins to watch an active or dormant resource.
    ///
    /// # Errors
    /// [`SyncError::UnknownResource`], [`SyncError::Gone`], or the store's error.
    pub(crate) async fn start(
        authorizer: &Arc<Authorizer>,
        id: &ResourceId,
    ) -> Result<Self, SyncError> {
        let entry = authorizer.coordinator().entry(id).await?;
        let authorizer = Arc::clone(authorizer);
        Ok(Self { authorizer, entry })
    }

    pub(crate) fn changes(&self) -> ListChanges {
        ListChanges(self.entry.watch())
    }

    /// How long the person keeps access until this must be called again. None if access has ended, or
    /// cannot be decided.
    pub(crate) async fn may_stay(
        &self,
        who: Principal<'_>,
        session: &SessionStart,
    ) -> Option<Duration> {
        let (authorizer, entry) = (&self.authorizer, &self.entry);
        // The resource has ended, or none of its lists is loaded yet.
        entry.list()?;
        // Enough for a whole fetch, so that a slow one cuts no stream.
        let time = Budget::of(authorizer.settings().deadlines.list);
        let (session, strictness) = (Some(session), Strictness::STREAM);
        let access = authorizer.decide(entry, who, session, strictness, time);
        let access = access.await.ok()?;
        let (at, settings) = (Reading::of(authorizer.clock()), authorizer.settings());
        let list = &access.list;
        let is_old = list.age_at(at) > settings.refresh_interval;
        Some(match is_old {
            true => access.valid_for.min(RECHECK),
            false => access.valid_for,
        })
    }
}

impl ListChanges {
    /// Marks all changes so far as seen.
    pub(crate) fn mark_seen(&mut self) {
        self.0.mark_unchanged();
    }

    pub(crate) async fn next(&mut self) {
        // The sender lives in the entry, so the channel cannot close while this waits.
        let _ = self.0.changed().await;
    }
}
