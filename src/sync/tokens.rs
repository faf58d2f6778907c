//! The access token of a resource, renewed ahead of its end and when Heroku refuses it.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use time::Duration;

use super::SyncError;
use super::directory::{Directory, Entry};
use crate::heroku::HerokuError;
use crate::ids::ResourceId;
use crate::secret::Tokens;

/// A token this close to its end is renewed first.
const MARGIN: Duration = Duration::minutes(5);

impl Directory {
    /// An access token for calls of the partner's own, renewed if need be.
    pub(crate) async fn access_token(
        self: &Arc<Self>,
        id: &ResourceId,
    ) -> Result<SecretString, SyncError> {
        let entry = self.entry_for_tokens(id).await?;
        Ok(current(self, &entry).await?.access)
    }
}

/// Tokens that should work.
pub(super) async fn current(
    directory: &Arc<Directory>,
    entry: &Arc<Entry>,
) -> Result<Tokens, SyncError> {
    let tokens = stored(directory, entry).await?;
    if directory.clock.now() + MARGIN < tokens.expires_at {
        return Ok(tokens);
    }
    match renewed(directory, entry, &tokens).await {
        // Not reachable, but what we have still works for a while.
        Err(error) if directory.clock.now() < tokens.expires_at => {
            tracing::warn!(resource = %entry.id, %error, "an access token could not be renewed");
            Ok(tokens)
        }
        result => result,
    }
}

/// Tokens other than `worn`, which Heroku refused or which end soon. One renewal at a time.
pub(super) async fn renewed(
    directory: &Arc<Directory>,
    entry: &Arc<Entry>,
    worn: &Tokens,
) -> Result<Tokens, SyncError> {
    let work = || {
        Ok(renew(
            Arc::clone(directory),
            Arc::clone(entry),
            worn.clone(),
        ))
    };
    entry.renewing.join(work).await
}

async fn renew(
    directory: Arc<Directory>,
    entry: Arc<Entry>,
    worn: Tokens,
) -> Result<Tokens, SyncError> {
    let known = stored(&directory, &entry).await?;
    if !same(&known, &worn) {
        return Ok(known);
    }
    match directory.client.refresh(&known).await {
        Ok(tokens) => {
            directory
                .store
                .set_tokens(&entry.id, tokens.clone())
                .await?;
            Ok(tokens)
        }
        Err(error @ HerokuError::GrantRefused(_)) => {
            // Somebody may have renewed it between our look and our call.
            let newest = stored(&directory, &entry).await?;
            if !same(&newest, &worn) {
                return Ok(newest);
            }
            tracing::error!(
                resource = %entry.id, %error,
                "heroku refused the refresh token: this resource needs a new grant"
            );
            Err(error.into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn stored(directory: &Directory, entry: &Entry) -> Result<Tokens, SyncError> {
    let known = directory.store.get(&entry.id).await?;
    let known = known.ok_or(SyncError::UnknownResource)?;
    known.tokens.ok_or(SyncError::NoTokens)
}

fn same(a: &Tokens, b: &Tokens) -> bool {
    a.access.expose_secret() == b.access.expose_secret()
}
