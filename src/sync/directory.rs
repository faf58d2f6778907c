//! All resources whose lists are in memory.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use time::Duration as SignedDuration;
use tokio::sync::{broadcast, watch};

use super::SyncError;
use super::budget::Budget;
use super::change::{self, Change, Changes};
use super::flight::Flight;
use super::plan::{Intervals, Standing, SyncScope, due_in};
use super::turnstile::Turnstile;
use crate::access::{ListPolicy, Snapshot};
use crate::audit;
use crate::clock::SharedClock;
use crate::heroku::HerokuClient;
use crate::ids::{LegacyId, ResourceId};
use crate::secret::Tokens;
use crate::store::{Registration, ResourceState, Store};

/// How old lists may be, and which of them are kept fresh.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SyncSettings {
    pub(crate) refresh_interval: Duration,
    pub(crate) idle_interval: Duration,
    pub(crate) max_list_age: Duration,
    pub(crate) scope: SyncScope,
    pub(crate) list_policy: ListPolicy,
}

/// The newest list of each resource, and the way to a newer one.
pub(crate) struct Directory {
    pub(super) client: HerokuClient,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: SharedClock,
    pub(super) settings: SyncSettings,
    pub(super) turnstile: Turnstile,
    entries: DashMap<ResourceId, Arc<Entry>>,
    changes: broadcast::Sender<Change>,
}

/// A list in memory.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) snapshot: Arc<Snapshot>,
    /// `fetched_at` in terms of [`Clock::elapsed`](crate::Clock::elapsed); below zero for a list
    /// from before this process.
    pub(super) taken_at: SignedDuration,
}

/// What the directory keeps of one resource.
pub(super) struct Entry {
    pub(super) id: ResourceId,
    pub(super) fetching: Flight<Arc<Held>>,
    pub(super) renewing: Flight<Tokens>,
    /// None before the first list, and after the resource's end.
    held: watch::Sender<Option<Arc<Held>>>,
    progress: Mutex<Progress>,
    /// Milliseconds of [`Clock::elapsed`](crate::Clock::elapsed), plus one; zero for never.
    last_used: AtomicU64,
}

pub(super) struct Progress {
    pub(super) budget: Budget,
    failures: u32,
    last_failure: Duration,
    jitter: f64,
    ended: bool,
}

impl Held {
    pub(super) fn moment(elapsed: Duration) -> SignedDuration {
        elapsed.try_into().unwrap_or(SignedDuration::MAX)
    }

    /// Age by the wall or by the time passed, whichever is more: a clock that is set back does not
    /// make a list younger.
    pub(crate) fn age(&self, clock: &SharedClock) -> Duration {
        let passed = Self::moment(clock.elapsed()) - self.taken_at;
        let by_wall = clock.now() - self.snapshot.fetched_at;
        passed.max(by_wall).try_into().unwrap_or(Duration::ZERO)
    }
}

impl Entry {
    fn new(id: ResourceId, held: Option<Arc<Held>>, now: Duration) -> Self {
        Self {
            id,
            fetching: Flight::default(),
            renewing: Flight::default(),
            held: watch::Sender::new(held),
            progress: Mutex::new(Progress {
                budget: Budget::full(now),
                failures: 0,
                last_failure: Duration::ZERO,
                jitter: fastrand::f64(),
                ended: false,
            }),
            last_used: AtomicU64::new(0),
        }
    }

    pub(super) fn held(&self) -> Option<Arc<Held>> {
        self.held.borrow().clone()
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn touch(&self, now: Duration) {
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.last_used
            .store(millis.saturating_add(1), Ordering::Relaxed);
    }

    fn used_within(&self, span: Duration, now: Duration) -> bool {
        let last = self.last_used.load(Ordering::Relaxed);
        last > 0 && now <= Duration::from_millis(last - 1) + span
    }
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
            changes: broadcast::Sender::new(change::BACKLOG),
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

    pub(crate) fn changes(&self) -> Changes {
        Changes::new(self.changes.subscribe())
    }

    /// The newest list of a resource, for a request that hangs on it. Asks Heroku only if there is
    /// no list that is young enough.
    pub(crate) async fn current(self: &Arc<Self>, id: &ResourceId) -> Result<Arc<Held>, SyncError> {
        let entry = self.entry(id).await?;
        entry.touch(self.clock.elapsed());
        match entry.held() {
            Some(held) if held.age(&self.clock) <= self.settings.max_list_age => Ok(held),
            _ => self.fetch_within_budget(&entry).await,
        }
    }

    /// The list as it is now in memory or store, however old, without asking Heroku.
    pub(crate) async fn known(&self, id: &ResourceId) -> Result<Option<Arc<Held>>, SyncError> {
        Ok(self.entry(id).await?.held())
    }

    /// Fetches the list now, or waits for the fetch that is under way.
    pub(crate) async fn refresh(self: &Arc<Self>, id: &ResourceId) -> Result<Arc<Held>, SyncError> {
        let entry = self.entry(id).await?;
        self.fetch(&entry).await
    }

    /// The lists of a resource from now on; none once it has ended.
    pub(crate) async fn watch(
        &self,
        id: &ResourceId,
    ) -> Result<watch::Receiver<Option<Arc<Held>>>, SyncError> {
        Ok(self.entry(id).await?.held.subscribe())
    }

    /// The id of the resource that the provider knows by its own `id`.
    pub(crate) async fn find_legacy(&self, id: &LegacyId) -> Result<ResourceId, SyncError> {
        // Resources provisioned through version 3 carry their UUID as the provider's id.
        if let Ok(uuid) = id.as_str().parse::<ResourceId>() {
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
        self.entry(id).await?;
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
            self.announce(Change::ResourceGone { resource: *id });
        }
        Ok(ended)
    }

    /// Removes every trace of a resource whose provisioning was refused.
    pub(crate) async fn erase(&self, id: &ResourceId) -> Result<(), SyncError> {
        let _turn = self.turnstile.enter(id).await;
        self.store.erase(id).await?;
        self.drop_entry(id);
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
        Ok(entry.unwrap_or_else(|| Arc::new(Entry::new(*id, None, Duration::ZERO))))
    }

    /// The entry of an active resource. Of any other the directory keeps nothing, so that made-up
    /// ids cost a look-up and no memory.
    pub(super) async fn entry(&self, id: &ResourceId) -> Result<Arc<Entry>, SyncError> {
        if let Some(entry) = self.entries.get(id) {
            return Ok(Arc::clone(&entry));
        }
        self.require_active(id).await?;
        let list = self.store.list(id).await?;
        let held = list.map(|snapshot| {
            let age = self.clock.now() - snapshot.fetched_at;
            let taken_at = Held::moment(self.clock.elapsed()) - age;
            Arc::new(Held { snapshot, taken_at })
        });
        let fresh = || Arc::new(Entry::new(*id, held, self.clock.elapsed()));
        let entry = Arc::clone(&self.entries.entry(*id).or_insert_with(fresh));
        // The resource may have ended between the look-up and the insertion.
        if let Err(ended) = self.require_active(id).await {
            self.drop_entry(id);
            return Err(ended);
        }
        Ok(entry)
    }

    async fn require_active(&self, id: &ResourceId) -> Result<(), SyncError> {
        match self.store.get(id).await?.map(|known| known.state) {
            Some(ResourceState::Active) => Ok(()),
            Some(ResourceState::Closing | ResourceState::Gone) => Err(SyncError::Gone),
            None => Err(SyncError::UnknownResource),
        }
    }

    fn drop_entry(&self, id: &ResourceId) {
        if let Some((_, entry)) = self.entries.remove(id) {
            entry.progress().ended = true;
            entry.held.send_replace(None);
        }
    }

    /// Puts a complete list in place of the last one, and says what changed. False if the resource
    /// ended meanwhile; the list is then worth nothing.
    pub(super) fn replace(&self, entry: &Entry, held: &Arc<Held>) -> bool {
        {
            let mut progress = entry.progress();
            if progress.ended {
                return false;
            }
            progress.failures = 0;
            progress.jitter = fastrand::f64();
        }
        let before = entry.held.send_replace(Some(Arc::clone(held)));
        let before = before.map(|before| Arc::clone(&before.snapshot));
        for change in change::between(before.as_deref(), &held.snapshot) {
            audit::list_changed(&entry.id, &change);
            self.announce(Change::on_list(entry.id, change));
        }
        true
    }

    pub(super) fn note_failure(&self, entry: &Entry) {
        let mut progress = entry.progress();
        progress.failures = progress.failures.saturating_add(1);
        progress.last_failure = self.clock.elapsed();
        progress.jitter = fastrand::f64();
    }

    /// Entries that are due, resources in use first, then the oldest lists.
    pub(super) fn due(&self) -> Vec<Arc<Entry>> {
        let mut due: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| !entry.fetching.is_busy())
            .filter_map(|entry| {
                let standing = self.standing(&entry);
                let urgency = (!standing.in_use, std::cmp::Reverse(standing.age));
                let wait = due_in(standing, self.intervals())?;
                wait.is_zero().then(|| (urgency, Arc::clone(&entry)))
            })
            .collect();
        due.sort_by_key(|(urgency, _)| *urgency);
        due.into_iter().map(|(_, entry)| entry).collect()
    }

    fn standing(&self, entry: &Entry) -> Standing {
        let now = self.clock.elapsed();
        let age = entry.held().map(|held| held.age(&self.clock));
        let progress = entry.progress();
        Standing {
            in_use: entry.used_within(self.settings.refresh_interval, now),
            age,
            failures: progress.failures,
            since_failure: now.saturating_sub(progress.last_failure),
            jitter: progress.jitter,
        }
    }

    fn intervals(&self) -> Intervals {
        Intervals {
            refresh: self.settings.refresh_interval,
            idle: self.settings.idle_interval,
            scope: self.settings.scope,
        }
    }

    fn announce(&self, change: Change) {
        // An error only says that nobody listens.
        let _ = self.changes.send(change);
    }

    /// Age of the oldest list in memory, for health checks; none if there is no list.
    pub(crate) fn oldest_list(&self) -> Option<Duration> {
        let held = self.entries.iter().filter_map(|entry| entry.held());
        held.map(|held| held.age(&self.clock)).max()
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
