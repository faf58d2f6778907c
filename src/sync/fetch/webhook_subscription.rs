//! Subscribes resources to Heroku's webhooks.

use std::sync::Arc;

use super::fetcher::Fetcher;
use crate::error_chain;
use crate::heroku::HerokuError;
use crate::sync::SyncError;
use crate::sync::schedule::next_fetch::refusal_backoff;
use crate::sync::state::entry::Entry;
use crate::sync::tokens::token_manager::RenewPolicy;
use crate::webhook::Webhooks;

/// Makes sure that a resource has its webhook subscription. Costs nothing once the subscription is known
/// to exist.
pub(in crate::sync) async fn subscribe(fetcher: &Fetcher, entry: &Arc<Entry>) {
    let Some(webhooks) = &fetcher.settings.webhooks else {
        return;
    };
    let Some(fingerprint) = webhooks.fingerprint() else {
        return;
    };
    let now = fetcher.clock.elapsed();
    {
        let progress = entry.progress();
        let subscribe_at = progress.noted().subscribe_at;
        if progress.is_subscribed || subscribe_at.is_some_and(|at| now < at) {
            return;
        }
    }
    let result = subscribe_with(fetcher, entry, webhooks, &fingerprint).await;
    let mut progress = entry.progress();
    let Err(error) = result else {
        progress.is_subscribed = true;
        if progress.noted().subscribe_at.is_some() {
            let noted = progress.note();
            (noted.subscribe_at, noted.subscribe_failures) = (None, 0);
        }
        return;
    };
    let noted = progress.note();
    let idle = fetcher.settings.idle_interval;
    let again_in = if is_temporary(&error) {
        noted.subscribe_failures = noted.subscribe_failures.saturating_add(1);
        refusal_backoff(noted.subscribe_failures, idle)
    } else {
        noted.subscribe_failures = 0;
        idle
    };
    noted.subscribe_at = Some(now + again_in);
    drop(progress);
    tracing::warn!(
        resource = %entry.id, %error, cause = error_chain::of(&error),
        "webhook subscription failed; the list is still polled"
    );
}

async fn subscribe_with(
    fetcher: &Fetcher,
    entry: &Arc<Entry>,
    webhooks: &Webhooks,
    fingerprint: &str,
) -> Result<(), SyncError> {
    let (Some(url), Some(secret)) = (webhooks.url(), webhooks.secrets().first()) else {
        return Ok(());
    };
    let known = fetcher.coordinator.store().get(&entry.id).await?;
    if known.is_some_and(|known| known.webhook.as_deref() == Some(fingerprint)) {
        return Ok(());
    }
    let tokens = fetcher.tokens.tokens(entry, RenewPolicy::Now).await?;
    let caller = fetcher.tokens.caller(entry, &tokens);
    let secret = secret.as_secret();
    fetcher
        .client
        .subscribe(caller, &entry.id, url, secret)
        .await?;
    Ok(fetcher
        .coordinator
        .store()
        .set_webhook(&entry.id, fingerprint)
        .await?)
}

/// True for an error that a retry may avoid.
fn is_temporary(error: &SyncError) -> bool {
    match error {
        SyncError::Heroku(HerokuError::Unavailable(answer)) => answer.status >= 500,
        SyncError::Heroku(HerokuError::Transport(_) | HerokuError::RateLimited { .. })
        | SyncError::Busy
        | SyncError::Store(_) => true,
        _ => false,
    }
}
