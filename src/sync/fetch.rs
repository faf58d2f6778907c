//! One fetch of one list, shared by all who wait for it.

use std::sync::Arc;

use super::directory::{Directory, Entry, Held};
use super::resolve::Resolution;
use super::{SyncError, tokens};
use crate::heroku::HerokuError;
use crate::secret::Tokens;

impl Directory {
    /// Fetches the list of `entry`, or waits for the fetch that is under way.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
    ) -> Result<Arc<Held>, SyncError> {
        let work = || Ok(fetch(Arc::clone(self), Arc::clone(entry)));
        entry.fetching.join(work).await
    }

    /// As [`fetch`](Self::fetch), on behalf of somebody who is not let in yet. To wait for a fetch
    /// that is under way costs nothing of the budget.
    pub(super) async fn fetch_within_budget(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
    ) -> Result<Arc<Held>, SyncError> {
        let work = || {
            let granted = entry.progress().budget.take(self.clock.elapsed());
            granted.map_err(|retry_after| SyncError::OverBudget { retry_after })?;
            Ok(fetch(Arc::clone(self), Arc::clone(entry)))
        };
        entry.fetching.join(work).await
    }
}

async fn fetch(directory: Arc<Directory>, entry: Arc<Entry>) -> Result<Arc<Held>, SyncError> {
    match resolve(&directory, &entry).await {
        Ok(held) => {
            let held = Arc::new(held);
            if !directory.replace(&entry, &held) {
                return Err(SyncError::Gone);
            }
            let list = Arc::clone(&held.snapshot);
            if let Err(error) = directory.store.set_list(&entry.id, list).await {
                // Memory has it; the store gets the next one.
                tracing::warn!(resource = %entry.id, %error, "a list could not be stored");
            }
            Ok(held)
        }
        Err(SyncError::Heroku(HerokuError::Gone(answer))) => {
            tracing::info!(resource = %entry.id, %answer, "the resource is gone at heroku");
            directory.end(&entry.id).await?;
            Err(SyncError::Gone)
        }
        Err(error) => {
            directory.note_failure(&entry);
            tracing::warn!(
                resource = %entry.id, %error, cause = source(&error),
                "a list could not be fetched; the last one stays"
            );
            Err(error)
        }
    }
}

async fn resolve(directory: &Arc<Directory>, entry: &Arc<Entry>) -> Result<Held, SyncError> {
    let tokens = tokens::current(directory, entry).await?;
    match ask(directory, entry, &tokens).await {
        Err(HerokuError::Unauthorized(_)) => {
            let tokens = tokens::renewed(directory, entry, &tokens).await?;
            Ok(ask(directory, entry, &tokens).await?)
        }
        result => Ok(result?),
    }
}

async fn ask(directory: &Directory, entry: &Entry, tokens: &Tokens) -> Result<Held, HerokuError> {
    let previous = entry.held();
    let resolution = Resolution {
        client: &directory.client,
        clock: &directory.clock,
        token: &tokens.access,
        id: &entry.id,
        policy: directory.settings.list_policy,
        max_list_age: directory.settings.max_list_age,
        previous: previous.as_deref(),
    };
    resolution.run().await
}

fn source(error: &SyncError) -> Option<tracing::field::DisplayValue<String>> {
    use std::error::Error;

    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    (!causes.is_empty()).then(|| tracing::field::display(causes.join(": ")))
}
