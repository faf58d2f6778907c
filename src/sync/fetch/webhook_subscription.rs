//! Subscribes resources to Heroku's webhooks.

use std::sync::Arc;

use crate::cause;
use crate::heroku::HerokuError;
use crate::sync::SyncError;
use crate::sync::directory::Directory;
use crate::sync::lists::entry::Entry;
use crate::sync::schedule::policy::patience;
use crate::sync::tokens::token_manager::RenewPolicy;
use crate::webhook::Webhooks;

impl Directory {
    /// Makes sure that a resource has its webhook subscription. Costs nothing once the subscription is known
    /// to exist.
    pub(in crate::sync) async fn subscribe(self: &Arc<Self>, entry: &Arc<Entry>) {
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
        let result = self.subscribe_with(entry, webhooks, &fingerprint).await;
        let mut progress = entry.progress();
        let Err(error) = result else {
            (progress.subscribe_at, progress.subscribe_failures) = (None, 0);
            return;
        };
        let idle = self.settings.idle_interval;
        let again_in = if may_pass(&error) {
            progress.subscribe_failures = progress.subscribe_failures.saturating_add(1);
            patience(progress.subscribe_failures, idle)
        } else {
            progress.subscribe_failures = 0;
            idle
        };
        progress.subscribe_at = Some(now + again_in);
        drop(progress);
        tracing::warn!(
            resource = %entry.id, %error, cause = cause::of(&error),
            "webhook subscription failed; the list is still polled"
        );
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
        let tokens = self.tokens(entry, RenewPolicy::Now).await?;
        let caller = self.caller(entry, &tokens);
        let secret = secret.as_secret();
        self.client
            .subscribe(caller, &entry.id, url, secret)
            .await?;
        Ok(self.store.set_webhook(&entry.id, fingerprint).await?)
    }
}

/// True for a temporary error, which does not predict the next try.
fn may_pass(error: &SyncError) -> bool {
    match error {
        SyncError::Heroku(HerokuError::Unavailable(answer)) => answer.status >= 500,
        SyncError::Heroku(HerokuError::Transport(_) | HerokuError::RateLimited { .. })
        | SyncError::Busy
        | SyncError::Store(_) => true,
        _ => false,
    }
}
