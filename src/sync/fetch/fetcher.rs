//! One fetch of one list, shared by all callers that wait for it.

use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::{ResourceId, Tokens};

use super::attached::AttachedFetcher;
use super::resolve_list::Resolution;
use super::team_members::MemberFetcher;
use crate::clock::{self, SharedClock};
use crate::error_chain;
use crate::heroku::HerokuClient;
use crate::meter;
use crate::sync::SyncError;
use crate::sync::cluster::coordinator::Coordinator;
use crate::sync::lifecycle::dormancy::{Absences, reported_absence};
use crate::sync::lifecycle::resource_lifecycle::Lifecycle;
use crate::sync::lists::list_cache::ListCache;
use crate::sync::lists::list_event::Source;
use crate::sync::schedule::rate_limits::Charge;
use crate::sync::settings::SyncSettings;
use crate::sync::single_flight::SingleFlight;
use crate::sync::state::as_of::AsOf;
use crate::sync::state::cached_list::{CachedList, OwnList};
use crate::sync::state::entry::Entry;
use crate::sync::state::fetch_budgets::ForcedBy;
use crate::sync::tokens::token_manager::{RenewPolicy, TokenManager};

/// Fetches lists. Concurrent callers share a fetch; of each resource at most two are in progress.
#[derive(Debug)]
pub(in crate::sync) struct Fetcher {
    pub(super) clock: SharedClock,
    pub(super) settings: Arc<SyncSettings>,
    pub(super) client: Arc<HerokuClient>,
    pub(super) coordinator: Arc<Coordinator>,
    pub(super) lists: Arc<ListCache>,
    pub(super) tokens: Arc<TokenManager>,
    pub(super) members: Arc<MemberFetcher>,
    attached: Arc<AttachedFetcher>,
    lifecycle: Arc<Lifecycle>,
    /// By resource, and by whether the team's members are fetched whatever their age.
    fetching: SingleFlight<(ResourceId, bool), Arc<CachedList>>,
}

/// What a fetch must return.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct FetchOptions {
    /// How old the members of the team may be. Zero: they are fetched in any case.
    pub(in crate::sync) members_age: Duration,
    /// How long the access token must last.
    pub(in crate::sync) renewal: RenewPolicy,
}

impl Fetcher {
    pub(in crate::sync) fn new(
        settings: Arc<SyncSettings>,
        client: Arc<HerokuClient>,
        coordinator: Arc<Coordinator>,
        lists: Arc<ListCache>,
        tokens: Arc<TokenManager>,
        lifecycle: Arc<Lifecycle>,
    ) -> Self {
        let members = MemberFetcher::new(
            Arc::clone(&settings),
            Arc::clone(&client),
            Arc::clone(&coordinator),
            Arc::clone(&lists),
            Arc::clone(&tokens),
        );
        let attached = AttachedFetcher::new(
            Arc::clone(&settings),
            Arc::clone(&client),
            Arc::clone(&coordinator),
            Arc::clone(&lists),
            Arc::clone(&tokens),
        );
        Self {
            clock: Arc::clone(coordinator.clock()),
            settings,
            client,
            lists,
            tokens,
            members: Arc::new(members),
            attached: Arc::new(attached),
            lifecycle,
            fetching: SingleFlight::new(coordinator.tasks()),
            coordinator,
        }
    }

    /// Fetches the members of teams.
    pub(in crate::sync) fn members(&self) -> &Arc<MemberFetcher> {
        &self.members
    }

    /// Reads the people of attached apps.
    pub(in crate::sync) fn attached(&self) -> &Arc<AttachedFetcher> {
        &self.attached
    }

    /// Fetches every part of the list again, except attached apps, if the budgets allow it. Waiting for a
    /// fetch in progress costs nothing.
    pub(in crate::sync) async fn fetch_newest(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        by: ForcedBy,
    ) -> Result<Arc<CachedList>, SyncError> {
        let charge = Charge::Forced(by);
        let list = self.join(entry, FetchOptions::newest(), charge).await?;
        if by == ForcedBy::UnlistedUser {
            self.attached.start_if_due(entry);
        }
        Ok(list)
    }

    /// The partner's call for a refresh: every part of the list, attached apps included.
    pub(in crate::sync) async fn fetch_with_attached(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
    ) -> Result<Arc<CachedList>, SyncError> {
        let list = self.fetch_newest(entry, ForcedBy::Partner).await?;
        match self.settings.include_attached_apps {
            true => {
                let charge = Charge::Forced(ForcedBy::Partner);
                self.attached.fetch(entry, charge).await
            }
            false => Ok(list),
        }
    }

    /// The scheduled fetch, followed by a reading of attached apps if that is due. `interval` is how old the
    /// team's members may be.
    pub(in crate::sync) async fn fetch_scheduled(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        interval: Duration,
    ) -> Result<Arc<CachedList>, SyncError> {
        let options = FetchOptions {
            members_age: interval,
            renewal: RenewPolicy::Ahead,
        };
        let list = self.join(entry, options, Charge::Schedule).await?;
        self.attached.fetch_if_due(entry).await;
        Ok(list)
    }

    /// A list with no part older than the refresh interval, except attached apps, and except members that
    /// Heroku withholds.
    pub(in crate::sync) async fn fetch_recent(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        charge: Charge,
    ) -> Result<Arc<CachedList>, SyncError> {
        let members_age = self.settings.refresh_interval;
        let options = FetchOptions {
            members_age,
            renewal: RenewPolicy::Now,
        };
        let list = self.join(entry, options, charge).await?;
        self.attached.start_if_due(entry);
        let team = list.snapshot.team.as_ref();
        let team = team.and_then(|team| self.lists.teams().known(&team.id));
        let age = team.and_then(|team| team.state().age(&self.clock));
        if age.is_none_or(|age| age <= members_age) {
            return Ok(list);
        }
        // The fetch was already in progress, for a caller that accepted older members.
        self.join(entry, FetchOptions::newest(), charge).await
    }

    /// A list whose own part was requested after `since`.
    pub(in crate::sync) async fn fetch_since(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        since: AsOf,
    ) -> Result<Arc<CachedList>, SyncError> {
        let list = self.fetch_changed(entry).await?;
        if !list.own_asked_at().is_before(&since) {
            return Ok(list);
        }
        // That fetch was already in progress before `since`.
        self.fetch_changed(entry).await
    }

    /// Fetches a list that has changed according to Heroku.
    pub(in crate::sync) async fn fetch_changed(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
    ) -> Result<Arc<CachedList>, SyncError> {
        let charge = Charge::Forced(ForcedBy::Webhook);
        self.fetch_recent(entry, charge).await
    }

    async fn join(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        options: FetchOptions,
        charge: Charge,
    ) -> Result<Arc<CachedList>, SyncError> {
        let start = || {
            self.lists.scheduler().rate_limits().charge(entry, charge)?;
            Ok(fetch(Arc::clone(self), Arc::clone(entry), options))
        };
        let key = (entry.id, options.members_age.is_zero());
        self.fetching.join(key, start).await
    }
}

impl FetchOptions {
    fn newest() -> Self {
        Self {
            members_age: Duration::ZERO,
            renewal: RenewPolicy::Now,
        }
    }
}

async fn fetch(
    fetcher: Arc<Fetcher>,
    entry: Arc<Entry>,
    options: FetchOptions,
) -> Result<Arc<CachedList>, SyncError> {
    let began = fetcher.clock.elapsed();
    let result = ask_and_replace(&fetcher, &entry, options).await;
    let took = fetcher.clock.elapsed().saturating_sub(began);
    let outcome = result.as_ref().err().map_or("ok", SyncError::kind);
    meter::list_fetched(outcome, took);
    result
}

async fn ask_and_replace(
    fetcher: &Arc<Fetcher>,
    entry: &Arc<Entry>,
    options: FetchOptions,
) -> Result<Arc<CachedList>, SyncError> {
    // Drawn before the question, so that an answer never counts as newer than it is.
    let asked_at = match fetcher.coordinator.as_of().await {
        Ok(asked_at) => asked_at,
        Err(error) => return Err(not_fetched(fetcher, entry, error.into())),
    };
    let limit = fetcher.settings.deadlines.list;
    let asked = clock::within(limit, ask(fetcher, entry, options, asked_at)).await;
    match asked.unwrap_or(Err(SyncError::Slow { limit })) {
        Ok(own) => {
            let list = fetcher.lists.replace(entry, own, Source::Heroku);
            let list = list.ok_or(SyncError::Gone)?;
            fetcher.coordinator.store_list(entry, &list, asked_at).await;
            Ok(list)
        }
        Err(error @ (SyncError::Gone | SyncError::UnknownResource)) => {
            // Another process has ended the resource.
            fetcher.coordinator.reload_resource(&entry.id).await?;
            Err(error)
        }
        Err(error) => {
            let Some(kind) = reported_absence(&error) else {
                return Err(not_fetched(fetcher, entry, error));
            };
            match Absences::of(&fetcher.lifecycle)
                .note(entry, kind, asked_at)
                .await
            {
                Ok(()) => Err(not_fetched(fetcher, entry, error)),
                Err(unavailable @ (SyncError::Store(_) | SyncError::Busy)) => {
                    tracing::warn!(
                        resource = %entry.id, error = %unavailable, cause = error_chain::of(&unavailable),
                        "absence could not be stored; the resource keeps its state"
                    );
                    Err(not_fetched(fetcher, entry, error))
                }
                Err(ended) => Err(ended),
            }
        }
    }
}

/// Notes the failure and returns it. The cached list stays, and is fetched again on schedule.
fn not_fetched(fetcher: &Arc<Fetcher>, entry: &Arc<Entry>, error: SyncError) -> SyncError {
    fetcher.lists.scheduler().note_failure(entry, &error);
    tracing::warn!(
        resource = %entry.id, %error, cause = error_chain::of(&error),
        "list could not be fetched; keeping the last one"
    );
    error
}

async fn ask(
    fetcher: &Arc<Fetcher>,
    entry: &Arc<Entry>,
    options: FetchOptions,
    asked_at: AsOf,
) -> Result<OwnList, SyncError> {
    let ask =
        |tokens: Tokens| async move { ask_with(fetcher, entry, options, asked_at, &tokens).await };
    fetcher
        .tokens
        .with_tokens(entry, options.renewal, ask)
        .await
}

async fn ask_with(
    fetcher: &Arc<Fetcher>,
    entry: &Arc<Entry>,
    options: FetchOptions,
    asked_at: AsOf,
    tokens: &Tokens,
) -> Result<OwnList, SyncError> {
    // A dormant resource may not exist, so the add-on is asked for before anything else.
    let previous = entry.list().filter(|_| !entry.is_dormant());
    let resolution = Resolution {
        client: &fetcher.client,
        members: &fetcher.members,
        lists: &fetcher.lists,
        entry,
        caller: fetcher.tokens.caller(entry, tokens),
        members_age: options.members_age,
        previous: previous.as_deref(),
        asked_at,
    };
    resolution.run().await
}
