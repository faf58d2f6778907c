//! Heroku's webhooks: each is a reason to ask Heroku, never an answer.

use std::sync::Arc;

use crate::access::Email;
use crate::store::{Doubt, StoreError};
use crate::sync::SyncError;
use crate::sync::directory::Directory;
use crate::sync::lists::entry::Entry;
use crate::sync::schedule::queue::Target;
use crate::webhook::ChangeHint;

impl Directory {
    /// Fetches the lists that a change hint is about, within their budgets. Returns their number.
    ///
    /// # Errors
    /// If the store does not answer, since then nothing could be fetched either. Also while the resources are
    /// being read from the store: until then it is unknown which resource the hint is about.
    pub(crate) async fn take_cue(self: &Arc<Self>, cue: &ChangeHint) -> Result<usize, SyncError> {
        if self.backlog.is_loading() {
            return Err(StoreError::new("the resources are still being read").into());
        }
        let since = self.moment().await?;
        let entries = self.entries_of(cue).await?;
        for entry in &entries {
            if let ChangeHint::Left(_, email) = cue
                && is_listed(entry, email)
            {
                entry.doubt(email.clone(), since);
                let doubt = Doubt::new(email.clone(), since.ticket);
                self.store.doubt(&entry.id, doubt).await?;
            }
            let has_its_place = self.is_waiting(entry);
            entry.progress().forced_at = Some(since);
            if !has_its_place {
                self.have_fetched(entry);
            }
        }
        Ok(entries.len())
    }

    async fn entries_of(&self, cue: &ChangeHint) -> Result<Vec<Arc<Entry>>, SyncError> {
        let resources = match cue {
            ChangeHint::App(app) | ChangeHint::Left(app, _) => {
                let resources = self.apps.get(app);
                resources
                    .map(|resources| resources.clone())
                    .unwrap_or_default()
            }
            ChangeHint::Resource(id) => vec![*id],
        };
        let mut entries = Vec::new();
        for id in resources {
            match self.entry(&id).await {
                Ok(entry) => entries.push(entry),
                Err(SyncError::Gone | SyncError::UnknownResource) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    fn have_fetched(self: &Arc<Self>, entry: &Arc<Entry>) {
        if self.schedule.has_consumer() {
            self.plan(&Target::Resource(Arc::clone(entry)));
            return;
        }
        let (directory, entry) = (Arc::clone(self), Arc::clone(entry));
        // Errors are logged where they occur.
        tokio::spawn(async move { drop(directory.fetch_changed(&entry).await) });
    }
}

/// Pending removals of unlisted people would only use memory.
fn is_listed(entry: &Entry, email: &Email) -> bool {
    let held = entry.held();
    held.is_some_and(|held| held.snapshot.list.has(email))
}
