//! One fetch of one list, shared by all who wait for it.

use std::sync::Arc;
use std::time::Duration;

use super::SyncError;
use super::absence::{self, Absences};
use super::as_of::AsOf;
use super::cached_list::{CachedList, OwnList};
use super::directory::Directory;
use super::entry::Entry;
use super::forced::{self, Charge, Force};
use super::resolve::Resolution;
use super::swap::Source;
use super::tokens::RenewPolicy;
use crate::cause;
use crate::clock;
use crate::meter;
use crate::secret::Tokens;

/// What a fetch is to bring.
#[derive(Clone, Copy, Debug)]
pub(super) struct FetchOptions {
    /// How old the members of the team may be. Zero: they are asked for as well.
    pub(super) members_age: Duration,
    /// How long the access token is to last.
    pub(super) horizon: RenewPolicy,
}

impl Directory {
    /// Everything again, the team's members too, if the budgets allow it. To wait for a fetch that is
    /// under way costs nothing.
    pub(super) async fn fetch_newest(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        force: Force,
    ) -> Result<Arc<CachedList>, SyncError> {
        let payer = Charge::Forced(force);
        self.join(entry, FetchOptions::newest(), payer).await
    }

    /// For the schedule.
    pub(super) async fn fetch_in_turn(
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

    /// A list with no part older than the refresh interval, unless Heroku refuses to tell.
    pub(super) async fn fetch_recent(
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
        // It was a fetch under way that was content with older members.
        self.join(entry, FetchOptions::newest(), payer).await
    }

    /// A list whose own part was asked for since then.
    pub(super) async fn fetch_since(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        since: AsOf,
    ) -> Result<Arc<CachedList>, SyncError> {
        let held = self.fetch_changed(entry).await?;
        if !held.own_asked_at().is_before(&since) {
            return Ok(held);
        }
        // It was under way before.
        self.fetch_changed(entry).await
    }

    /// A list of which Heroku said that it has changed.
    pub(super) async fn fetch_changed(
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
            forced::pay(self, entry, payer)?;
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
    // From before the question: an answer is never taken for younger than it is.
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
                // Memory has it; the store gets the next one.
                tracing::warn!(
                    resource = %entry.id, %error, cause = cause::of(&error),
                    "a list could not be stored"
                );
            }
            Ok(held)
        }
        Err(error @ (SyncError::Gone | SyncError::UnknownResource)) => {
            // Another process has ended it.
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
                        "absence could not be stored; the resource stays as it is"
                    );
                    Err(not_fetched(directory, entry, error))
                }
                Err(ended) => Err(ended),
            }
        }
    }
}

/// The list stays, and is fetched again in time.
fn not_fetched(directory: &Arc<Directory>, entry: &Arc<Entry>, error: SyncError) -> SyncError {
    directory.note_failure(entry, &error);
    tracing::warn!(
        resource = %entry.id, %error, cause = cause::of(&error),
        "a list could not be fetched; the last one stays"
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
    // Of a dormant one the first question is whether it is there.
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
