//! All resources whose lists are in memory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use time::OffsetDateTime;
use tokio::sync::broadcast;

use super::SyncError;
use super::backlog::Backlog;
use super::entry::Entry;
use super::flight::Flights;
use super::held::Held;
use super::moment::Moment;
use super::notice::{self, Notice};
use super::plan::Intervals;
use super::schedule::{Schedule, Subject};
use super::settings::{RatePools, SyncSettings};
use super::team::Teams;
use super::turnstile::Turnstile;
use crate::access::{Email, Snapshot};
use crate::audit;
use crate::clock::SharedClock;
use crate::heroku::{HerokuClient, RatePool};
use crate::ids::{AppId, LegacyId, ResourceId, TeamId};
use crate::secret::Tokens;
use crate::store::{Registration, ResourceState, Store};

/// The newest list of each resource, and the way to a newer one.
pub(crate) struct Directory {
    pub(super) client: HerokuClient,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: SharedClock,
    pub(super) settings: SyncSettings,
    pub(super) turnstile: Turnstile,
    pub(super) entries: DashMap<ResourceId, Arc<Entry>>,
    pub(super) teams: Teams,
    /// The resources of each app, for webhooks.
    pub(super) apps: DashMap<AppId, Vec<ResourceId>>,
    pub(super) schedule: Arc<Schedule>,
    /// By resource, and by whether the team's members are asked for as well.
    pub(super) fetching: Flights<(ResourceId, bool), Arc<Held>>,
    pub(super) asking_team: Flights<TeamId, ()>,
    pub(super) renewing: Flights<ResourceId, Tokens>,
    pub(super) shared_pool: RatePool,
    pub(super) backlog: Backlog,
    pub(super) notices: broadcast::Sender<Notice>,
}

impl Directory {
    pub(crate) fn new(
        client: HerokuClient,
        store: Arc<dyn Store>,
        clock: SharedClock,
        settings: SyncSettings,
    ) -> Arc<Self> {
        Arc::new(Self {
            client,
            store,
            clock,
            settings,
            turnstile: Turnstile::default(),
            entries: DashMap::new(),
            teams: Teams::default(),
            apps: DashMap::new(),
            schedule: Arc::default(),
            fetching: Flights::default(),
            asking_team: Flights::default(),
            renewing: Flights::default(),
            shared_pool: RatePool::default(),
            backlog: Backlog::default(),
            notices: broadcast::Sender::new(notice::BACKLOG),
        })
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(crate) fn settings(&self) -> &SyncSettings {
        &self.settings
    }

    /// The newest list of a resource, for a request by somebody who signed in at that time; none if
    /// the session was revoked. Asks Heroku only if there is no list that is young enough, or if
    /// Heroku said that this person may have left.
    pub(crate) async fn current(
        self: &Arc<Self>,
        id: &ResourceId,
        email: &Email,
        signed_in_at: OffsetDateTime,
    ) -> Result<Option<Arc<Held>>, SyncError> {
        let entry = self.entry(id).await?;
        if entry.is_revoked(email, signed_in_at) {
            return Ok(None);
        }
        self.touch(&entry);
        if let Some(since) = entry.in_doubt(email) {
            return self.fetch_since(&entry, since).await.map(Some);
        }
        match entry.held() {
            Some(held) if held.age(&self.clock) <= self.settings.max_list_age => Ok(Some(held)),
            _ => self.fetch_for_visitor(&entry).await.map(Some),
        }
    }

    /// The list as it is now in memory or store, however old, without asking Heroku.
    pub(crate) async fn known(&self, id: &ResourceId) -> Result<Option<Arc<Held>>, SyncError> {
        Ok(self.entry(id).await?.held())
    }

    /// Fetches the list now, or waits for the fetch that is under way.
    pub(crate) async fn refresh(self: &Arc<Self>, id: &ResourceId) -> Result<Arc<Held>, SyncError> {
        let entry = self.entry(id).await?;
        self.fetch_newest(&entry).await
    }

    /// The id of the resource that the provider knows by its own `id`.
    pub(crate) async fn find_legacy(&self, id: &LegacyId) -> Result<ResourceId, SyncError> {
        // Resources provisioned through version 3 carry their UUID as the provider's id.
        if let Ok(uuid) = id.to_string().parse::<ResourceId>() {
            return Ok(uuid);
        }
        let found = self.store.find_legacy(id).await?;
        found.ok_or(SyncError::UnknownResource)
    }

    /// Replaces what is registered of a resource. Whoever calls this holds the resource's turn.
    pub(super) async fn put(
        &self,
        id: &ResourceId,
        registration: Registration,
    ) -> Result<(), SyncError> {
        self.store.put(id, registration).await?;
        let entry = self.entry(id).await?;
        let mut progress = entry.progress();
        (progress.blocked, progress.grant_refused) = (false, None);
        drop(progress);
        self.plan(&Subject::Resource(entry));
        Ok(())
    }

    /// Lets nobody in any more, and keeps the tokens: the resource is being deprovisioned. False if
    /// it was not active.
    pub(crate) async fn begin_closing(&self, id: &ResourceId) -> Result<bool, SyncError> {
        let _turn = self.turnstile.enter(id).await;
        let closing = self.store.begin_closing(id).await?;
        self.drop_entry(id);
        Ok(closing)
    }

    /// Ends a resource: its list, its sessions (they hang on the list), its tokens. False if it was
    /// not known, or gone already.
    pub(crate) async fn end(&self, id: &ResourceId) -> Result<bool, SyncError> {
        let _turn = self.turnstile.enter(id).await;
        let ended = self.store.end(id).await?;
        self.drop_entry(id);
        if ended {
            audit::resource_gone(id);
            self.announce(Notice::Gone(*id));
        }
        Ok(ended)
    }

    /// Removes every trace of a resource whose provisioning was refused.
    pub(crate) async fn erase(&self, id: &ResourceId) -> Result<(), SyncError> {
        let _turn = self.turnstile.enter(id).await;
        self.store.erase(id).await?;
        self.drop_entry(id);
        self.announce(Notice::Gone(*id));
        Ok(())
    }

    /// The entry of a resource that may be closing: its tokens still work, nobody may enter. It is
    /// not kept if it was not there.
    pub(super) async fn entry_for_tokens(&self, id: &ResourceId) -> Result<Arc<Entry>, SyncError> {
        let known = self
            .store
            .get(id)
            .await?
            .ok_or(SyncError::UnknownResource)?;
        if known.state == ResourceState::Gone {
            return Err(SyncError::Gone);
        }
        let entry = self.entries.get(id).map(|entry| Arc::clone(&entry));
        Ok(entry.unwrap_or_else(|| Arc::new(self.new_entry(*id))))
    }

    /// The entry of an active resource. Of any other the directory keeps nothing, so that made-up
    /// ids cost a look-up and no memory.
    pub(super) async fn entry(&self, id: &ResourceId) -> Result<Arc<Entry>, SyncError> {
        if let Some(entry) = self.entries.get(id) {
            return Ok(Arc::clone(&entry));
        }
        self.require_active(id).await?;
        let list = self.store.list(id).await?;
        let revocations = self.store.revocations(id).await?;
        let mut is_new = false;
        let entry = Arc::clone(&self.entries.entry(*id).or_insert_with(|| {
            is_new = true;
            Arc::new(self.new_entry(*id))
        }));
        // The resource may have ended between the look-up and the insertion.
        if let Err(ended) = self.require_active(id).await {
            self.drop_entry(id);
            return Err(ended);
        }
        if is_new {
            for revocation in revocations {
                entry.revoke(revocation, self.oldest_session());
            }
            if let Some(list) = list {
                self.remember(&entry, list);
            }
            self.plan(&Subject::Resource(Arc::clone(&entry)));
        }
        Ok(entry)
    }

    fn new_entry(&self, id: ResourceId) -> Entry {
        let pool = match self.settings.rate_pools {
            RatePools::Shared => None,
            RatePools::PerToken => Some(RatePool::default()),
        };
        Entry::new(id, pool, self.clock.elapsed())
    }

    async fn require_active(&self, id: &ResourceId) -> Result<(), SyncError> {
        match self.store.get(id).await?.map(|known| known.state) {
            Some(ResourceState::Active) => Ok(()),
            Some(ResourceState::Closing | ResourceState::Gone) => Err(SyncError::Gone),
            None => Err(SyncError::UnknownResource),
        }
    }

    /// Takes in the list that the store has.
    fn remember(&self, entry: &Entry, list: Arc<Snapshot>) {
        let asked_at = Moment::stored(list.fetched_at, &self.clock);
        let held = Held::stored(list, asked_at);
        self.index(entry, None, Some(&held));
        let mut held = held;
        if let Some(team) = &held.snapshot.team {
            let team = self.teams.entry(&team.id);
            let mut state = team.state();
            state.remember(&held.snapshot.list, asked_at);
            // So that all of the team's lists hold the same members in memory.
            if !held.snapshot.list.is_partial() {
                let members = state.members(&self.clock, Duration::MAX);
                held = held.with_members(&members, self.settings.list_policy);
            }
        }
        let mut progress = entry.progress();
        if !progress.ended && entry.held().is_none() {
            entry.set(&mut progress, Some(Arc::new(held)));
            drop(progress);
            self.announce(Notice::List(entry.id));
        }
    }

    fn drop_entry(&self, id: &ResourceId) {
        let Some((_, entry)) = self.entries.remove(id) else {
            return;
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
    }

    /// When the oldest session may have begun that still lives.
    pub(super) fn oldest_session(&self) -> OffsetDateTime {
        self.clock.now() - self.settings.max_session
    }

    pub(super) fn announce(&self, notice: Notice) {
        // An error only says that nobody listens.
        let _ = self.notices.send(notice);
    }

    pub(super) fn intervals(&self) -> Intervals {
        Intervals {
            refresh: self.settings.refresh_interval,
            idle: self.settings.idle_interval,
            scope: self.settings.scope,
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
