//! Follows up Heroku's webhooks. A webhook is a reason to ask Heroku, never itself an answer.

use std::sync::Arc;

use heroku_sso_store::{Email, PendingRemoval};

use super::fetcher::Fetcher;
use crate::store::StoreError;
use crate::sync::SyncError;
use crate::sync::state::entry::Entry;
use crate::webhook::ChangeHint;

/// Schedules a fetch of each list that a change hint is about, within the budgets, or starts it if no sync
/// runs. Returns the number of lists. First records a pending removal if a listed user may have left.
///
/// # Errors
/// [`SyncError::Store`] if the store does not answer, since then nothing could be fetched either. The same
/// while the sync reads the resources from the store: until then the hint's resources are not all known.
pub(in crate::sync) async fn follow_hint(
    fetcher: &Arc<Fetcher>,
    hint: &ChangeHint,
) -> Result<usize, SyncError> {
    let scheduler = fetcher.lists.scheduler();
    if scheduler.backlog().is_loading() {
        return Err(StoreError::new("the resources are still being read").into());
    }
    let since = fetcher.coordinator.as_of().await?;
    let entries = entries_of(fetcher, hint).await?;
    for entry in &entries {
        if let ChangeHint::Left(_, email) = hint
            && is_listed(entry, email)
        {
            entry.note_pending_removal(email.clone(), since);
            let pending_removal = PendingRemoval::new(email.clone(), since.sequence);
            fetcher
                .coordinator
                .store()
                .note_pending_removal(&entry.id, pending_removal)
                .await?;
        }
        let keeps_its_place = scheduler.is_waiting(entry);
        {
            let mut progress = entry.progress();
            progress.note().forced_at = Some(since);
            let is_about_attachments = matches!(hint, ChangeHint::Resource(_));
            if is_about_attachments && fetcher.settings.include_attached_apps {
                progress.note_attached_hint(since);
            }
        }
        if !keeps_its_place {
            start_fetch(fetcher, entry);
        }
    }
    Ok(entries.len())
}

async fn entries_of(fetcher: &Fetcher, hint: &ChangeHint) -> Result<Vec<Arc<Entry>>, SyncError> {
    let resources = match hint {
        ChangeHint::App(app) | ChangeHint::Left(app, _) => fetcher.lists.of_app(app),
        ChangeHint::Resource(id) => vec![*id],
    };
    let mut entries = Vec::new();
    for id in resources {
        match fetcher.coordinator.entry(&id).await {
            Ok(entry) => entries.push(entry),
            Err(SyncError::Gone | SyncError::UnknownResource) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(entries)
}

fn start_fetch(fetcher: &Arc<Fetcher>, entry: &Arc<Entry>) {
    let scheduler = fetcher.lists.scheduler();
    if scheduler.is_sync_running() {
        scheduler.plan_resource(entry);
        return;
    }
    let (fetching, entry) = (Arc::clone(fetcher), Arc::clone(entry));
    // Errors are logged where they occur.
    let fetch = async move { drop(fetching.fetch_changed(&entry).await) };
    fetcher.coordinator.tasks().spawn(fetch);
}

/// A pending removal matters for listed people only. For others it would only use memory.
fn is_listed(entry: &Entry, email: &Email) -> bool {
    let list = entry.list();
    list.is_some_and(|list| list.snapshot.list.has(email))
}
