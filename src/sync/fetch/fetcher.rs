//! One fetch of one list, shared by all who wait for it.

use std::sync::Arc;
use std::time::Duration;

use super::resolve::Resolution;
use crate::cause;
use crate::clock;
use crate::meter;
use crate::secret::Tokens;
use crate::sync::SyncError;
use crate::sync::directory::Directory;
use crate::sync::lifecycle::absence::{self, Absences};
use crate::sync::lists::as_of::AsOf;
use crate::sync::lists::cached_list::{CachedList, OwnList};
use crate::sync::lists::entry::Entry;
use crate::sync::lists::replace::Source;
use crate::sync::schedule::rate_limits::{self, Charge, Force};
use crate::sync::tokens::token_manager::RenewPolicy;

/// What a fetch must return.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct FetchOptions {
    /// How old the members of the team may be. Zero: they are fetched as well.
    pub(in crate::sync) members_age: Duration,
    /// How long the access token must last.
    pub(in crate::sync) horizon: RenewPolicy,
}

impl Directory {
    /// Fetches everything again, including the team's members, if the budgets allow it. Waiting for a fetch
    /// in progress costs nothing.
    pub(in crate::sync) async fn fetch_newest(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        force: Force,
    ) -> Result<Arc<CachedList>, SyncError> {
        let payer = Charge::Forced(force);
        self.join(entry, FetchOptions::newest(), payer).await
    }

    /// The scheduled fetch.
    pub(in crate::sync) async fn fetch_in_turn(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        interval: Duration,
    ) -> Result<Arc<CachedList>, SyncError> {
        let wanted = FetchOptions {
            members_age: interval,
            horizon: RenewPolicy::Ahead,
        };
        self.join(entry, wanted, Charge::Schedule).await
    }

    /// A list with no part older than the refresh interval, unless Heroku withholds the members.
    pub(in crate::sync) async fn fetch_recent(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        payer: Charge,
    ) -> Result<Arc<CachedList>, SyncError> {
        let members_age = self.settings.refresh_interval;
        let wanted = FetchOptions {
            members_age,
            horizon: RenewPolicy::Now,
        };
        let held = self.join(entry, wanted, payer).await?;
        let team = held.snapshot.team.as_ref();
        let team = team.and_then(|team| self.teams.known(&team.id));
        let age = team.and_then(|team| team.state().age(&self.clock));
        if age.is_none_or(|age| age <= members_age) {
            return Ok(held);
        }
        // The fetch was already in progress, for a caller that accepted older members.
        self.join(entry, FetchOptions::newest(), payer).await
    }

    /// A list whose own part was requested after `since`.
    pub(in crate::sync) async fn fetch_since(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        since: AsOf,
    ) -> Result<Arc<CachedList>, SyncError> {
        let held = self.fetch_changed(entry).await?;
        if !held.own_asked_at().is_before(&since) {
            return Ok(held);
        }
        // That fetch was already in progress before `since`.
        self.fetch_changed(entry).await
    }

    /// A list that has changed according to Heroku.
    pub(in crate::sync) async fn fetch_changed(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
    ) -> Result<Arc<CachedList>, SyncError> {
        let payer = Charge::Forced(Force::Change);
        self.fetch_recent(entry, payer).await
    }

    async fn join(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        wanted: FetchOptions,
        payer: Charge,
    ) -> Result<Arc<CachedList>, SyncError> {
        let start = || {
            rate_limits::pay(self, entry, payer)?;
            Ok(fetch(Arc::clone(self), Arc::clone(entry), wanted))
        };
        let key = (entry.id, wanted.members_age.is_zero());
        self.fetching.join(key, start).await
    }
}

impl FetchOptions {
    fn newest() -> Self {
        Self {
            members_age: Duration::ZERO,
            horizon: RenewPolicy::Now,
        }
    }
}

async fn fetch(
    directory: Arc<Directory>,
    entry: Arc<Entry>,
    wanted: FetchOptions,
) -> Result<Arc<CachedList>, SyncError> {
    let began = directory.clock.elapsed();
    let result = ask_and_replace(&directory, &entry, wanted).await;
    let took = directory.clock.elapsed().saturating_sub(began);
    let outcome = result.as_ref().err().map_or("ok", SyncError::kind);
    meter::list_fetched(outcome, took);
    result
}

async fn ask_and_replace(
    directory: &Arc<Directory>,
    entry: &Arc<Entry>,
    wanted: FetchOptions,
) -> Result<Arc<CachedList>, SyncError> {
    // Drawn before the question, so that an answer never counts as newer than it is.
    let asked_at = match directory.moment().await {
        Ok(asked_at) => asked_at,
        Err(error) => return Err(not_fetched(directory, entry, error.into())),
    };
    let limit = directory.settings.deadlines.list;
    let asked = clock::within(limit, ask(directory, entry, wanted, asked_at)).await;
    match asked.unwrap_or(Err(SyncError::Slow { limit })) {
        Ok(own) => {
            let held = directory.replace(entry, own, Source::Heroku);
            let held = held.ok_or(SyncError::Gone)?;
            let list = held.own_asked_at();
            let list = list.date(held.resource_list(), &directory.clock);
            if let Err(error) = directory.store.set_list(&entry.id, list).await {
                // Memory has the list; the store gets the next one.
                tracing::warn!(
                    resource = %entry.id, %error, cause = cause::of(&error),
                    "list could not be stored; the next fetch stores a newer one"
                );
            }
            Ok(held)
        }
        Err(error @ (SyncError::Gone | SyncError::UnknownResource)) => {
            // Another process has ended the resource.
            directory.reload_resource(&entry.id).await?;
            Err(error)
        }
        Err(error) => {
            let Some(kind) = absence::said_by(&error) else {
                return Err(not_fetched(directory, entry, error));
            };
            match Absences::of(directory).note(entry, kind, asked_at).await {
                Ok(()) => Err(not_fetched(directory, entry, error)),
                Err(away @ (SyncError::Store(_) | SyncError::Busy)) => {
                    tracing::warn!(
                        resource = %entry.id, error = %away, cause = cause::of(&away),
                        "absence could not be stored; the resource keeps its state"
                    );
                    Err(not_fetched(directory, entry, error))
                }
                Err(ended) => Err(ended),
            }
        }
    }
}

/// The cached list stays, and is fetched again on schedule.
fn not_fetched(directory: &Arc<Directory>, entry: &Arc<Entry>, error: SyncError) -> SyncError {
    directory.note_failure(entry, &error);
    tracing::warn!(
        resource = %entry.id, %error, cause = cause::of(&error),
        "list could not be fetched; keeping the last one"
    );
    error
}

async fn ask(
    directory: &Arc<Directory>,
    entry: &Arc<Entry>,
    wanted: FetchOptions,
    asked_at: AsOf,
) -> Result<OwnList, SyncError> {
    let ask =
        |tokens: Tokens| async move { ask_with(directory, entry, wanted, asked_at, &tokens).await };
    directory.with_tokens(entry, wanted.horizon, ask).await
}

async fn ask_with(
    directory: &Arc<Directory>,
    entry: &Arc<Entry>,
    wanted: FetchOptions,
    asked_at: AsOf,
    tokens: &Tokens,
) -> Result<OwnList, SyncError> {
    // For a dormant resource, the first question is whether it exists.
    let previous = entry.held().filter(|_| !entry.is_dormant());
    let resolution = Resolution {
        directory,
        entry,
        caller: directory.caller(entry, tokens),
        members_age: wanted.members_age,
        previous: previous.as_deref(),
        asked_at,
    };
    resolution.run().await
}
