//! All resources whose lists are in memory.

use std::fmt;
use std::sync::{Arc, Once};
use std::time::Duration;

use dashmap::DashMap;
use time::OffsetDateTime;
use tokio::sync::broadcast;

use super::SyncError;
use super::run_to_completion::run_to_completion;
use super::settings::SyncSettings;
use crate::audit;
use crate::clock::{Budget, SharedClock};
use crate::heroku::{HerokuClient, RatePool};
use crate::ids::{AppId, LegacyId, ResourceId, TeamId};
use crate::secret::Tokens;
use crate::store::{BoundedStore, Registration, ResourceState, StoreError};
use crate::sync::fetch::single_flight::SingleFlight;
use crate::sync::lifecycle::absence::BrakeLog;
use crate::sync::lifecycle::keyed_lock::KeyedLock;
use crate::sync::lifecycle::partner_turns::PartnerTurns;
use crate::sync::lists::as_of::AsOf;
use crate::sync::lists::cached_list::CachedList;
use crate::sync::lists::closed_sessions::ClosedSessions;
use crate::sync::lists::entry::Entry;
use crate::sync::lists::generation::Generation;
use crate::sync::lists::list_event::{self, ListEvent};
use crate::sync::lists::replace::Source;
use crate::sync::lists::team::Teams;
use crate::sync::schedule::backlog::Backlog;
use crate::sync::schedule::policy::{Attempts, Intervals};
use crate::sync::schedule::queue::{Schedule, Target};
use crate::sync::schedule::rate_limits::{Force, SharedBudgets};
use crate::sync::tokens::pending_tokens::PendingTokens;

/// The newest list of each resource, and the means to fetch a newer one.
pub(crate) struct Directory {
    pub(super) client: HerokuClient,
    pub(super) store: Arc<BoundedStore>,
    pub(super) clock: SharedClock,
    pub(super) settings: SyncSettings,
    pub(super) registration_locks: KeyedLock,
    pub(crate) partner_turns: PartnerTurns,
    pub(super) entries: DashMap<ResourceId, Arc<Entry>>,
    pub(super) endings: Generation,
    pub(super) teams: Teams,
    /// The resources of each app, for webhooks.
    pub(super) apps: DashMap<AppId, Vec<ResourceId>>,
    pub(super) schedule: Arc<Schedule>,
    /// By resource, and by whether the team's members are fetched as well.
    pub(super) fetching: SingleFlight<(ResourceId, bool), Arc<CachedList>>,
    pub(super) asking_team: SingleFlight<TeamId, ()>,
    pub(super) renewing: SingleFlight<ResourceId, Tokens>,
    pub(super) unsaved: PendingTokens,
    pub(super) shared_pool: RatePool,
    pub(super) forced: SharedBudgets,
    pub(super) backlog: Backlog,
    pub(super) notices: broadcast::Sender<ListEvent>,
    pub(super) closed_sessions: Arc<ClosedSessions>,
    pub(super) no_sync: Once,
    pub(super) brake_log: BrakeLog,
}

impl Directory {
    pub(crate) fn new(
        client: HerokuClient,
        store: Arc<BoundedStore>,
        clock: SharedClock,
        settings: SyncSettings,
    ) -> Arc<Self> {
        let closed_sessions =
            ClosedSessions::new(Arc::clone(&store), Arc::clone(&clock), settings.max_session);
        Arc::new(Self {
            client,
            store,
            clock,
            settings,
            registration_locks: KeyedLock::default(),
            partner_turns: PartnerTurns::default(),
            entries: DashMap::new(),
            endings: Generation::default(),
            teams: Teams::default(),
            apps: DashMap::new(),
            schedule: Arc::default(),
            fetching: SingleFlight::default(),
            asking_team: SingleFlight::default(),
            renewing: SingleFlight::default(),
            unsaved: PendingTokens::default(),
            shared_pool: RatePool::default(),
            forced: SharedBudgets::default(),
            backlog: Backlog::default(),
            notices: broadcast::Sender::new(list_event::BACKLOG),
            closed_sessions: Arc::new(closed_sessions),
            no_sync: Once::new(),
            brake_log: BrakeLog::default(),
        })
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    pub(crate) fn store(&self) -> &Arc<BoundedStore> {
        &self.store
    }

    pub(crate) fn closed_sessions(&self) -> &Arc<ClosedSessions> {
        &self.closed_sessions
    }

    pub(crate) fn settings(&self) -> &SyncSettings {
        &self.settings
    }

    /// The list that is in memory or store now, however old, without a call to Heroku.
    pub(crate) async fn known(
        &self,
        id: &ResourceId,
    ) -> Result<Option<Arc<CachedList>>, SyncError> {
        Ok(self.entry(id).await?.held())
    }

    /// Fetches the list now, or waits for the fetch that is in progress. If the budgets do not allow a fetch,
    /// returns the cached list.
    pub(crate) async fn refresh(
        self: &Arc<Self>,
        id: &ResourceId,
    ) -> Result<Arc<CachedList>, SyncError> {
        let limit = self.settings.deadlines.request;
        let (budget, too_slow) = (Budget::of(limit), SyncError::Slow { limit });
        let entry = budget.within(self.entry(id)).await;
        let entry = entry.unwrap_or(Err(too_slow))?;
        match budget
            .within(self.fetch_newest(&entry, Force::Caller))
            .await
        {
            Some(Err(SyncError::OverBudget { .. })) if entry.is_dormant() => {
                Err(SyncError::Dormant)
            }
            Some(Err(error @ SyncError::OverBudget { .. })) => entry.held().ok_or(error),
            Some(result) => result,
            None => Err(SyncError::Slow { limit }),
        }
    }

    /// Finds the resource by the provider's own `id`.
    pub(crate) async fn find_legacy(&self, id: &LegacyId) -> Result<ResourceId, SyncError> {
        // Resources provisioned through version 3 carry their UUID as the provider's id.
        if let Ok(uuid) = id.to_string().parse::<ResourceId>() {
            return Ok(uuid);
        }
        let found = self.store.find_legacy(id).await?;
        found.ok_or(SyncError::UnknownResource)
    }

    /// Replaces a resource's registration. Returns false and writes nothing if it has changed since it was
    /// read.
    pub(super) async fn put(
        &self,
        id: &ResourceId,
        registration: Registration,
    ) -> Result<bool, SyncError> {
        let absence = registration.absence;
        if !self.store.put(id, registration).await? {
            return Ok(false);
        }
        let entry = self.entry(id).await?;
        let mut progress = entry.progress();
        (progress.blocked, progress.grant_refused) = (false, None);
        drop(progress);
        if absence.is_none() {
            let (was_dormant, _) = entry.set_absence(None, &self.clock);
            entry.progress().attempts = Attempts::default();
            if was_dormant {
                self.has_revived(&entry, Source::Heroku);
            }
        }
        self.plan(&Target::Resource(entry));
        Ok(true)
    }

    /// Denies all access and keeps the tokens, because the resource is being deprovisioned. False if it was
    /// neither active nor dormant.
    pub(crate) async fn begin_closing(
        self: &Arc<Self>,
        id: &ResourceId,
    ) -> Result<bool, SyncError> {
        let (directory, id) = (Arc::clone(self), *id);
        run_to_completion(async move {
            let _turn = directory.registration_locks.enter(&id).await?;
            let closing = directory.store.begin_closing(&id).await?;
            directory.drop_entry(&id);
            Ok(closing)
        })
        .await
    }

    /// Ends a resource: its list, its sessions (they depend on the list) and its tokens. False if the
    /// resource was unknown or had already ended.
    pub(crate) async fn end(self: &Arc<Self>, id: &ResourceId) -> Result<bool, SyncError> {
        let (directory, id) = (Arc::clone(self), *id);
        run_to_completion(async move {
            let _turn = directory.registration_locks.enter(&id).await?;
            let ended = directory.store.end(&id).await?;
            directory.drop_ended(&id, ended);
            Ok(ended)
        })
        .await
    }

    /// As `end`, for a resource whose deprovisioning the partner has completed.
    pub(crate) async fn deprovisioned(
        self: &Arc<Self>,
        id: &ResourceId,
    ) -> Result<bool, SyncError> {
        let (directory, id) = (Arc::clone(self), *id);
        run_to_completion(async move {
            let _turn = directory.registration_locks.enter(&id).await?;
            let known = directory.store.get(&id).await?;
            let had_ended = known.is_some_and(|it| it.state == ResourceState::Deprovisioned);
            let changed = directory.store.deprovisioned(&id).await?;
            directory.drop_ended(&id, changed && !had_ended);
            Ok(changed)
        })
        .await
    }

    fn drop_ended(&self, id: &ResourceId, is_news: bool) {
        match is_news {
            true => self.has_ended(id),
            false => {
                self.drop_entry(id);
                self.unsaved.forget_all(id);
            }
        }
    }

    /// Drops the resource from memory, and announces its end to all readers.
    pub(super) fn has_ended(&self, id: &ResourceId) {
        self.drop_entry(id);
        self.unsaved.forget_all(id);
        audit::resource_gone(id);
        self.announce(ListEvent::Gone(*id));
    }

    /// Removes every trace of a resource whose provisioning was refused. The tokens that Heroku gave for its
    /// code stay in this process's memory, because the code works only once and another provisioning may be
    /// waiting.
    pub(crate) async fn erase(self: &Arc<Self>, id: &ResourceId) -> Result<(), SyncError> {
        let (directory, id) = (Arc::clone(self), *id);
        run_to_completion(async move {
            let _turn = directory.registration_locks.enter(&id).await?;
            let known = match directory.partner_turns.others_wait(&id) {
                true => directory.store.get(&id).await?,
                false => None,
            };
            directory.store.erase(&id).await?;
            directory.drop_entry(&id);
            directory.unsaved.forget_all(&id);
            if let Some((code, tokens)) = known.and_then(|it| it.grant_code.zip(it.tokens)) {
                let now = directory.clock.now();
                directory.unsaved.keep(&id, &code, &tokens, now);
            }
            directory.announce(ListEvent::Gone(id));
            Ok(())
        })
        .await
    }

    /// The entry of a resource that may be deprovisioning: its tokens still work, but access is denied. An
    /// entry that was not in memory before is not kept.
    pub(super) async fn entry_for_tokens(&self, id: &ResourceId) -> Result<Arc<Entry>, SyncError> {
        let known = self
            .store
            .get(id)
            .await?
            .ok_or(SyncError::UnknownResource)?;
        if known.state == ResourceState::Deprovisioned {
            return Err(SyncError::Gone);
        }
        let entry = self.entries.get(id).map(|entry| Arc::clone(&entry));
        Ok(entry.unwrap_or_else(|| Arc::new(self.new_entry(*id))))
    }

    /// False if there was no entry.
    pub(super) fn drop_entry(&self, id: &ResourceId) -> bool {
        self.endings.note();
        let Some((_, entry)) = self.entries.remove(id) else {
            return false;
        };
        let last = {
            let mut progress = entry.progress();
            progress.ended = true;
            let last = entry.held();
            entry.set(&mut progress, None);
            last
        };
        self.index(&entry, last.as_deref(), None);
        entry.notify();
        true
    }

    /// A moment after everything that any process on the store has seen so far.
    pub(super) async fn moment(&self) -> Result<AsOf, StoreError> {
        Ok(AsOf::now(&self.clock, self.store.ticket().await?))
    }

    /// The earliest start of any session that may still be open in any process; their clocks differ.
    pub(super) fn oldest_session(&self) -> OffsetDateTime {
        const CLOCK_SKEW_GRACE: Duration = Duration::from_secs(10 * 60);
        self.clock.now() - self.settings.max_session - CLOCK_SKEW_GRACE
    }

    pub(super) fn announce(&self, notice: ListEvent) {
        // The only error is that no reader is listening.
        let _ = self.notices.send(notice);
    }

    pub(super) fn intervals(&self) -> Intervals {
        Intervals {
            refresh: self.settings.refresh_interval,
            idle: self.settings.idle_interval,
            scope: self.settings.scope,
            longest_block: self.settings.longest_block(),
        }
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("resources", &self.entries.len())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
