//! Subscribing resources to Heroku's webhooks.

use std::sync::Arc;

use super::SyncError;
use super::directory::Directory;
use super::entry::Entry;
use super::tokens::Horizon;
use crate::ids::ResourceId;
use crate::webhook::Webhooks;

impl Directory {
    /// Sees to it that a resource has its subscription. Costs nothing once that is known.
    pub(super) async fn subscribe(self: &Arc<Self>, entry: &Arc<Entry>) {
        let Some(webhooks) = &self.settings.webhooks else {
            return;
        };
        let Some(fingerprint) = webhooks.fingerprint() else {
            return;
        };
        let now = self.clock.elapsed();
        if entry.progress().subscribe_at.is_none_or(|at| now < at) {
            return;
        }
        let again_at = match self.subscribe_with(entry, webhooks, &fingerprint).await {
            Ok(()) => None,
            Err(error) => {
                tracing::warn!(
                    resource = %entry.id, %error, cause = error.causes(),
                    "webhooks could not be subscribed to; the list is polled all the same"
                );
                Some(now + self.settings.idle_interval)
            }
        };
        entry.progress().subscribe_at = again_at;
    }

    async fn subscribe_with(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        webhooks: &Webhooks,
        fingerprint: &str,
    ) -> Result<(), SyncError> {
        let (Some(url), Some(secret)) = (webhooks.url(), webhooks.secrets().first()) else {
            return Ok(());
        };
        let known = self.store.get(&entry.id).await?;
        if known.is_some_and(|known| known.webhook.as_deref() == Some(fingerprint)) {
            return Ok(());
        }
        let tokens = self.tokens(entry, Horizon::Now).await?;
        let caller = self.caller(entry, &tokens);
        let secret = secret.as_secret();
        self.client
            .subscribe(caller, &entry.id, url, secret)
            .await?;
        self.note_subscription(&entry.id, fingerprint).await
    }

    async fn note_subscription(&self, id: &ResourceId, with: &str) -> Result<(), SyncError> {
        Ok(self.store.set_webhook(id, with).await?)
    }
}
