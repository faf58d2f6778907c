//! The access token of a resource, renewed before it expires and when Heroku refuses it.

use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::{ResourceId, ResourceState, Tokens, Work};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use super::pending_tokens::PendingTokens;
use crate::clock::SharedClock;
use crate::deadlines::TOKEN_LEASE;
use crate::error_chain;
use crate::heroku::{Caller, HerokuClient, HerokuError};
use crate::meter;
use crate::store::BoundedStore;
use crate::sync::SyncError;
use crate::sync::cluster::coordinator::Coordinator;
use crate::sync::lists::list_cache::ListCache;
use crate::sync::schedule::next_fetch::{TOKEN_RENEWED_AHEAD, refusal_backoff};
use crate::sync::settings::SyncSettings;
use crate::sync::single_flight::SingleFlight;
use crate::sync::state::absence_mark::DORMANT_INTERVAL;
use crate::sync::state::entry::Entry;
use crate::sync::state::progress::GrantRefused;

/// A token this close to its expiry is renewed before it is used.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// How long a token must last.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) enum RenewPolicy {
    /// For a waiting request.
    Now,
    /// For the schedule, which renews a token well before it expires, so that sign-ins find one that works.
    Ahead,
}

/// Tokens as a resource's registration has them.
struct StoredTokens {
    tokens: Tokens,
    /// The code of the grant that they come from.
    grant_code: Option<SecretString>,
    revision: i64,
}

/// Keeps the tokens of every resource working.
#[derive(Debug)]
pub(in crate::sync) struct TokenManager {
    clock: SharedClock,
    settings: Arc<SyncSettings>,
    client: Arc<HerokuClient>,
    store: Arc<BoundedStore>,
    coordinator: Arc<Coordinator>,
    lists: Arc<ListCache>,
    renewing: SingleFlight<ResourceId, Tokens>,
    pending: PendingTokens,
}

impl TokenManager {
    pub(in crate::sync) fn new(
        settings: Arc<SyncSettings>,
        client: Arc<HerokuClient>,
        coordinator: Arc<Coordinator>,
        lists: Arc<ListCache>,
    ) -> Self {
        Self {
            clock: Arc::clone(coordinator.clock()),
            settings,
            client,
            store: Arc::clone(coordinator.store()),
            renewing: SingleFlight::new(coordinator.tasks()),
            coordinator,
            lists,
            pending: PendingTokens::default(),
        }
    }

    /// Tokens that Heroku has issued and the store does not have yet.
    pub(in crate::sync) fn pending(&self) -> &PendingTokens {
        &self.pending
    }

    /// Tries again to store the pending tokens of each resource, until the store does not answer.
    pub(in crate::sync) async fn store_pending(self: &Arc<Self>) {
        for id in self.pending.resources() {
            let Err(error) = self.store_pending_of(&id).await else {
                continue;
            };
            tracing::warn!(
                resource = %id, %error, cause = error_chain::of(&error),
                "new tokens could not be stored; the resource may need a new grant"
            );
            if matches!(error, SyncError::Store(_)) {
                return;
            }
        }
    }

    async fn store_pending_of(self: &Arc<Self>, id: &ResourceId) -> Result<(), SyncError> {
        let entry = self.entry_for_tokens(id).await?;
        let known = self.stored_tokens(&entry).await?;
        let (refresh, now) = (&known.refresh, self.clock.now());
        if self
            .pending
            .issued_for(id, refresh, Some(&known), now)
            .is_some()
        {
            self.renewed(&entry, &known).await?;
        }
        Ok(())
    }

    /// Exchanges a grant's code for tokens, which are then pending. A code that was exchanged before is not
    /// sent again while its tokens are pending and newer than the present ones.
    pub(in crate::sync) async fn exchange(
        &self,
        id: &ResourceId,
        code: &SecretString,
        present: Option<&Tokens>,
    ) -> Result<Tokens, HerokuError> {
        let now = self.clock.now();
        let tokens = match self.pending.issued_for(id, code, present, now) {
            Some(tokens) => tokens,
            None => self.client.exchange(code).await?,
        };
        self.pending.keep(id, code, &tokens, now);
        Ok(tokens)
    }

    /// An access token for the partner's own calls, renewed if necessary.
    pub(crate) async fn access_token(
        self: &Arc<Self>,
        id: &ResourceId,
    ) -> Result<SecretString, SyncError> {
        let entry = self.entry_for_tokens(id).await?;
        Ok(self.tokens(&entry, RenewPolicy::Now).await?.access)
    }

    /// The entry of a resource that may be deprovisioning: its tokens still work, but access is denied. An
    /// entry that was not in memory before is not kept.
    async fn entry_for_tokens(&self, id: &ResourceId) -> Result<Arc<Entry>, SyncError> {
        let known = self
            .store
            .get(id)
            .await?
            .ok_or(SyncError::UnknownResource)?;
        if known.state == ResourceState::Deprovisioned {
            return Err(SyncError::Gone);
        }
        let entry = self.lists.get(id);
        Ok(entry.unwrap_or_else(|| Arc::new(self.lists.detached(*id))))
    }

    /// The token and the rate pool of a call on behalf of a resource.
    pub(in crate::sync) fn caller<'a>(
        &'a self,
        entry: &'a Entry,
        tokens: &'a Tokens,
    ) -> Caller<'a> {
        let (token, pool) = (
            &tokens.access,
            self.lists.scheduler().rate_limits().pool(entry),
        );
        Caller {
            token,
            pool,
            count: None,
        }
    }

    /// Tokens that should work, renewed first if they expire soon. If they cannot be renewed, the present
    /// ones are returned until they expire.
    pub(in crate::sync) async fn tokens(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        policy: RenewPolicy,
    ) -> Result<Tokens, SyncError> {
        let tokens = self.stored_tokens(entry).await?;
        let ahead = match policy {
            RenewPolicy::Now => MARGIN,
            RenewPolicy::Ahead => TOKEN_RENEWED_AHEAD,
        };
        let now = self.clock.now();
        if now + ahead < tokens.expires_at {
            return Ok(tokens);
        }
        let still_works = now < tokens.expires_at;
        if still_works && entry.progress().noted().grant_refused.is_some() {
            // Heroku has refused to renew it, which was logged.
            return Ok(tokens);
        }
        match self.renewed(entry, &tokens).await {
            // The present token still works for a while.
            Err(error) if still_works => {
                tracing::warn!(
                    resource = %entry.id, %error, cause = error_chain::of(&error),
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
        policy: RenewPolicy,
        ask: impl Fn(Tokens) -> F,
    ) -> Result<T, SyncError>
    where
        F: Future<Output = Result<T, SyncError>>,
    {
        let tokens = self.tokens(entry, policy).await?;
        match ask(tokens.clone()).await {
            Err(error) if error.is_unauthorized() => ask(self.renewed(entry, &tokens).await?).await,
            result => result,
        }
    }

    /// Tokens other than `stale`, which Heroku refused or which expire soon. One renewal at a time.
    pub(in crate::sync) async fn renewed(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        stale: &Tokens,
    ) -> Result<Tokens, SyncError> {
        let (manager, entry, stale) = (Arc::clone(self), Arc::clone(entry), stale.clone());
        let key = entry.id;
        let work = || Ok(async move { manager.renew(&entry, stale).await });
        self.renewing.join(key, work).await
    }

    /// One renewal at a time in this process, and under a lease across processes.
    async fn renew(self: Arc<Self>, entry: &Entry, stale: Tokens) -> Result<Tokens, SyncError> {
        let renewed_elsewhere = || async {
            match self.registered_tokens(entry).await {
                Ok(known) if !same(&known.tokens, &stale) => Some(Ok(known.tokens)),
                Ok(_) if self.was_refused_lately(entry) => Some(Err(SyncError::NeedsGrant)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            }
        };
        let renewing = || self.renew_alone(entry, &stale);
        let work = Work::Grant(entry.id);
        let renewed =
            self.coordinator
                .leased_in_turn(&work, TOKEN_LEASE, renewed_elsewhere, renewing);
        renewed.await?.unwrap_or(Err(SyncError::Busy))
    }

    async fn renew_alone(&self, entry: &Entry, stale: &Tokens) -> Result<Tokens, SyncError> {
        let known = self.registered_tokens(entry).await?;
        if !same(&known.tokens, stale) {
            return Ok(known.tokens);
        }
        let (id, now, refresh) = (&entry.id, self.clock.now(), &known.tokens.refresh);
        let kept = self
            .pending
            .issued_for(id, refresh, Some(&known.tokens), now);
        let refreshed = match kept {
            Some(tokens) => Ok(tokens),
            None => self.client.refresh(&known.tokens).await,
        };
        match refreshed {
            Ok(tokens) => {
                self.pending.keep(id, refresh, &tokens, now);
                entry.progress().forget_refusal();
                meter::token_renewed("ok");
                self.keep_tokens(entry, tokens, known).await
            }
            Err(error @ HerokuError::GrantRefused(_)) => {
                // Another process may have renewed the token between the look-up and the call.
                let newest = self.stored_tokens(entry).await?;
                if !same(&newest, stale) {
                    return Ok(newest);
                }
                meter::token_renewed("refused");
                if self.note_refusal(entry, newest.expires_at) {
                    self.settings.audit.needs_grant(&entry.id, &error);
                }
                Err(error.into())
            }
            Err(error) => {
                meter::token_renewed("failed");
                Err(error.into())
            }
        }
    }

    /// Stores the tokens that Heroku gave for the stale ones, unless there are newer ones: those of a new
    /// grant, or others of the same grant that expire later.
    async fn keep_tokens(
        &self,
        entry: &Entry,
        tokens: Tokens,
        stale: StoredTokens,
    ) -> Result<Tokens, SyncError> {
        let (id, refresh) = (&entry.id, &stale.tokens.refresh);
        let mut revision = stale.revision;
        while !self.store.set_tokens(id, tokens.clone(), revision).await? {
            let known = self.registered_tokens(entry).await?;
            if known.outrank(&tokens, &stale) {
                self.pending.forget(id, refresh);
                return Ok(known.tokens);
            }
            revision = known.revision;
        }
        self.pending.forget(id, refresh);
        entry.note_token_end(tokens.expires_at, &self.clock);
        Ok(tokens)
    }

    /// True for the first refusal.
    fn note_refusal(&self, entry: &Entry, token_end: OffsetDateTime) -> bool {
        let mut progress = entry.progress();
        let refused = progress.noted().grant_refused;
        let times = refused.map_or(0, |refused| refused.times);
        progress.note().grant_refused = Some(GrantRefused {
            times: times.saturating_add(1),
            last_at: self.clock.elapsed(),
            token_end,
        });
        times == 0
    }

    /// True while a refused refresh token is not tried again: for a minute, then for growing intervals.
    fn was_refused_lately(&self, entry: &Entry) -> bool {
        let Some(refused) = entry.progress().noted().grant_refused else {
            return false;
        };
        let longest = match entry.is_dormant() {
            // A dormant resource is asked about every hour.
            true => DORMANT_INTERVAL / 2,
            false => self.settings.longest_block(),
        };
        let backoff = refusal_backoff(refused.times, longest);
        self.clock.elapsed() < refused.last_at + backoff
    }

    async fn stored_tokens(&self, entry: &Entry) -> Result<Tokens, SyncError> {
        Ok(self.registered_tokens(entry).await?.tokens)
    }

    async fn registered_tokens(&self, entry: &Entry) -> Result<StoredTokens, SyncError> {
        let known = self.store.get(&entry.id).await?;
        let known = known.ok_or(SyncError::UnknownResource)?;
        if known.state == ResourceState::Deprovisioned {
            return Err(SyncError::Gone);
        }
        let tokens = known.tokens.ok_or(SyncError::NoTokens)?;
        entry.note_token_end(tokens.expires_at, &self.clock);
        Ok(StoredTokens {
            tokens,
            grant_code: known.grant_code,
            revision: known.revision,
        })
    }
}

impl StoredTokens {
    /// True if these must stay, although Heroku has renewed the stale ones.
    fn outrank(&self, renewed: &Tokens, stale: &Self) -> bool {
        let is_of_new_grant = self.grant() != stale.grant();
        let expires_later = self.tokens.expires_at >= renewed.expires_at;
        !same(&self.tokens, &stale.tokens) && (is_of_new_grant || expires_later)
    }

    fn grant(&self) -> Option<&str> {
        self.grant_code.as_ref().map(ExposeSecret::expose_secret)
    }
}

fn same(a: &Tokens, b: &Tokens) -> bool {
    a.access.expose_secret() == b.access.expose_secret()
}
