//! The access token of a resource, renewed before it expires and when Heroku refuses it.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use crate::audit;
use crate::cause;
use crate::deadlines::TOKEN_LEASE;
use crate::heroku::{Caller, HerokuError};
use crate::ids::ResourceId;
use crate::meter;
use crate::secret::Tokens;
use crate::store::{ResourceState, Work};
use crate::sync::SyncError;
use crate::sync::directory::Directory;
use crate::sync::lifecycle::absence;
use crate::sync::lists::entry::{Entry, GrantRefused};
use crate::sync::schedule::policy::{TOKEN_RENEWED_AHEAD, patience};

/// A token this close to its expiry is renewed first.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// How long a token must last.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) enum RenewPolicy {
    /// For a waiting request.
    Now,
    /// For the schedule, which renews a token well before it expires, so that sign-ins find one that works.
    Ahead,
}

impl Directory {
    /// An access token for the partner's own calls, renewed if necessary.
    pub(crate) async fn access_token(
        self: &Arc<Self>,
        id: &ResourceId,
    ) -> Result<SecretString, SyncError> {
        let entry = self.entry_for_tokens(id).await?;
        Ok(self.tokens(&entry, RenewPolicy::Now).await?.access)
    }

    /// The identity with which calls are made on behalf of a resource.
    pub(in crate::sync) fn caller<'a>(
        &'a self,
        entry: &'a Entry,
        tokens: &'a Tokens,
    ) -> Caller<'a> {
        let (token, pool) = (&tokens.access, self.pool(entry));
        Caller { token, pool }
    }

    /// Tokens that should work.
    pub(in crate::sync) async fn tokens(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        horizon: RenewPolicy,
    ) -> Result<Tokens, SyncError> {
        let tokens = self.stored_tokens(entry).await?;
        let ahead = match horizon {
            RenewPolicy::Now => MARGIN,
            RenewPolicy::Ahead => TOKEN_RENEWED_AHEAD,
        };
        let now = self.clock.now();
        if now + ahead < tokens.expires_at {
            return Ok(tokens);
        }
        let still_works = now < tokens.expires_at;
        if still_works && entry.progress().grant_refused.is_some() {
            // It cannot be renewed, and that was already logged.
            return Ok(tokens);
        }
        match self.renewed(entry, &tokens).await {
            // Heroku is not reachable, but the present token still works for a while.
            Err(error) if still_works => {
                tracing::warn!(
                    resource = %entry.id, %error, cause = cause::of(&error),
                    "access token could not be renewed; using the present one"
                );
                Ok(tokens)
            }
            result => result,
        }
    }

    /// Calls Heroku with tokens that should work, and once more with other tokens if Heroku refuses them.
    pub(in crate::sync) async fn with_tokens<T, F>(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        horizon: RenewPolicy,
        ask: impl Fn(Tokens) -> F,
    ) -> Result<T, SyncError>
    where
        F: Future<Output = Result<T, SyncError>>,
    {
        let tokens = self.tokens(entry, horizon).await?;
        match ask(tokens.clone()).await {
            Err(error) if error.is_unauthorized() => ask(self.renewed(entry, &tokens).await?).await,
            result => result,
        }
    }

    /// Tokens other than `worn`, which Heroku refused or which expire soon. One renewal at a time.
    pub(in crate::sync) async fn renewed(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        worn: &Tokens,
    ) -> Result<Tokens, SyncError> {
        let (directory, entry, worn) = (Arc::clone(self), Arc::clone(entry), worn.clone());
        let key = entry.id;
        let work = || Ok(async move { directory.renew(&entry, worn).await });
        self.renewing.join(key, work).await
    }

    /// One renewal at a time in this process, and under a lease across processes.
    async fn renew(self: Arc<Self>, entry: &Entry, worn: Tokens) -> Result<Tokens, SyncError> {
        let renewed_elsewhere = || async {
            match self.registered_tokens(entry).await {
                Ok((known, _)) if !same(&known, &worn) => Some(Ok(known)),
                Ok(_) if self.was_refused_lately(entry) => Some(Err(SyncError::NeedsGrant)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            }
        };
        let renewing = || self.renew_alone(entry, &worn);
        let work = Work::Grant(entry.id);
        let renewed = self.leased_in_turn(&work, TOKEN_LEASE, renewed_elsewhere, renewing);
        renewed.await?.unwrap_or(Err(SyncError::Busy))
    }

    async fn renew_alone(&self, entry: &Entry, worn: &Tokens) -> Result<Tokens, SyncError> {
        let (known, revision) = self.registered_tokens(entry).await?;
        if !same(&known, worn) {
            return Ok(known);
        }
        let (id, now) = (&entry.id, self.clock.now());
        let kept = self
            .unsaved
            .given_for(id, &known.refresh, Some(&known), now);
        let refreshed = match kept {
            Some(tokens) => Ok(tokens),
            None => self.client.refresh(&known).await,
        };
        match refreshed {
            Ok(tokens) => {
                self.unsaved.keep(id, &known.refresh, &tokens, now);
                entry.progress().grant_refused = None;
                meter::token_renewed("ok");
                self.keep_tokens(entry, tokens, worn, revision).await
            }
            Err(error @ HerokuError::GrantRefused(_)) => {
                // Another process may have renewed the token between the look-up and the call.
                let newest = self.stored_tokens(entry).await?;
                if !same(&newest, worn) {
                    return Ok(newest);
                }
                meter::token_renewed("refused");
                if self.note_refusal(entry, newest.expires_at) {
                    audit::needs_grant(&entry.id, &error);
                }
                Err(error.into())
            }
            Err(error) => {
                meter::token_renewed("failed");
                Err(error.into())
            }
        }
    }

    /// Replaces the stale tokens by new ones, and no others.
    async fn keep_tokens(
        &self,
        entry: &Entry,
        tokens: Tokens,
        worn: &Tokens,
        mut revision: i64,
    ) -> Result<Tokens, SyncError> {
        let id = &entry.id;
        while !self.store.set_tokens(id, tokens.clone(), revision).await? {
            let (known, newest) = self.registered_tokens(entry).await?;
            if !same(&known, worn) {
                self.unsaved.forget(id, &worn.refresh);
                return Ok(known);
            }
            revision = newest;
        }
        self.unsaved.forget(id, &worn.refresh);
        self.note_token_end(entry, tokens.expires_at);
        Ok(tokens)
    }

    /// True for the first refusal.
    fn note_refusal(&self, entry: &Entry, token_end: OffsetDateTime) -> bool {
        let mut progress = entry.progress();
        let times = progress.grant_refused.map_or(0, |refused| refused.times);
        progress.grant_refused = Some(GrantRefused {
            times: times.saturating_add(1),
            last_at: self.clock.elapsed(),
            token_end,
        });
        times == 0
    }

    /// A refused refresh token is tried again after a minute, and then at growing intervals.
    fn was_refused_lately(&self, entry: &Entry) -> bool {
        let Some(refused) = entry.progress().grant_refused else {
            return false;
        };
        let longest = match entry.is_dormant() {
            // A dormant resource is asked about every hour.
            true => absence::ASKED_EVERY / 2,
            false => self.settings.longest_block(),
        };
        let patience = patience(refused.times, longest);
        self.clock.elapsed() < refused.last_at + patience
    }

    /// For the schedule. True if another process has received the new grant that this resource needed.
    pub(in crate::sync) fn note_token_end(&self, entry: &Entry, at: OffsetDateTime) -> bool {
        let is_mended = {
            let mut progress = entry.progress();
            let refused = progress.grant_refused;
            let is_another = refused.is_some_and(|refused| refused.token_end != at);
            if is_another {
                (progress.blocked, progress.grant_refused) = (false, None);
            }
            is_another
        };
        let left = at - self.clock.now();
        let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
        entry.note_token_end(self.clock.elapsed() + left);
        is_mended
    }

    async fn stored_tokens(&self, entry: &Entry) -> Result<Tokens, SyncError> {
        let (tokens, _) = self.registered_tokens(entry).await?;
        Ok(tokens)
    }

    /// The tokens, with the revision of their registration.
    async fn registered_tokens(&self, entry: &Entry) -> Result<(Tokens, i64), SyncError> {
        let known = self.store.get(&entry.id).await?;
        let known = known.ok_or(SyncError::UnknownResource)?;
        if known.state == ResourceState::Deprovisioned {
            return Err(SyncError::Gone);
        }
        let tokens = known.tokens.ok_or(SyncError::NoTokens)?;
        self.note_token_end(entry, tokens.expires_at);
        Ok((tokens, known.revision))
    }
}

fn same(a: &Tokens, b: &Tokens) -> bool {
    a.access.expose_secret() == b.access.expose_secret()
}
