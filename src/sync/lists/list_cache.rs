//! All resources in memory, with their lists.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use heroku_sso_store::{AppId, ResourceId};

use super::app_index::AppIndex;
use super::list_event::ListEvents;
use super::store_reads::{StoreRead, StoreReads};
use crate::clock::SharedClock;
use crate::sync::schedule::scheduler::Scheduler;
use crate::sync::settings::SyncSettings;
use crate::sync::state::entry::Entry;
use crate::sync::state::team::Teams;

/// The newest list of each resource, and the members of each team. Whatever changes here is scheduled and
/// announced here.
pub(in crate::sync) struct ListCache {
    pub(super) clock: SharedClock,
    pub(super) settings: Arc<SyncSettings>,
    pub(super) scheduler: Arc<Scheduler>,
    pub(super) teams: Teams,
    pub(super) apps: AppIndex,
    pub(super) reads: StoreReads,
    pub(super) events: ListEvents,
    entries: DashMap<ResourceId, Arc<Entry>>,
}

impl ListCache {
    pub(in crate::sync) fn new(
        clock: SharedClock,
        settings: Arc<SyncSettings>,
        scheduler: Arc<Scheduler>,
    ) -> Self {
        Self {
            events: ListEvents::new(settings.audit.clone()),
            clock,
            settings,
            scheduler,
            teams: Teams::default(),
            apps: AppIndex::default(),
            reads: StoreReads::default(),
            entries: DashMap::new(),
        }
    }

    /// The entry of a resource that is in memory.
    pub(in crate::sync) fn get(&self, id: &ResourceId) -> Option<Arc<Entry>> {
        self.entries.get(id).map(|entry| Arc::clone(&entry))
    }

    /// Every entry, in any order.
    pub(in crate::sync) fn all(&self) -> Vec<Arc<Entry>> {
        let entries = self.entries.iter();
        entries.map(|entry| Arc::clone(&entry)).collect()
    }

    /// The entry, and whether it is new. A new entry is initialized before any request can find it. None if
    /// what was read from the store may be outdated.
    pub(in crate::sync) fn insert(
        &self,
        id: ResourceId,
        read: &StoreRead<'_>,
        initialize: impl FnOnce(&Entry),
    ) -> Option<(Arc<Entry>, bool)> {
        let slot = self.entries.entry(id);
        // Checked under the lock of the slot: an end that comes later finds this entry.
        if !read.is_current() {
            return None;
        }
        let mut is_new = false;
        let entry = slot.or_insert_with(|| {
            is_new = true;
            let entry = self.detached(id);
            initialize(&entry);
            Arc::new(entry)
        });
        Some((Arc::clone(&entry), is_new))
    }

    /// An entry that is not in the cache.
    pub(in crate::sync) fn detached(&self, id: ResourceId) -> Entry {
        let pool = self.scheduler.rate_limits().new_pool();
        Entry::new(id, pool, self.clock.elapsed())
    }

    /// Drops a resource that has ended, or is about to. False if there was no entry.
    pub(in crate::sync) fn drop_entry(&self, id: &ResourceId) -> bool {
        self.reads.outdate(id);
        let Some((_, entry)) = self.entries.remove(id) else {
            return false;
        };
        let last = {
            let mut progress = entry.progress();
            progress.ended = true;
            let last = entry.list();
            entry.set(&mut progress, None);
            last
        };
        self.index(&entry, last.as_deref(), None);
        entry.notify();
        true
    }

    pub(in crate::sync) fn teams(&self) -> &Teams {
        &self.teams
    }

    /// The resources of an app, as far as their lists are known.
    pub(in crate::sync) fn of_app(&self, app: &AppId) -> Vec<ResourceId> {
        let mut resources = self.apps.resources(app);
        resources.retain(|id| {
            let list = self.get(id).and_then(|entry| entry.list());
            list.is_some_and(|list| list.snapshot.app.id == *app)
        });
        resources
    }

    /// Begins a read of this resource from the store.
    pub(in crate::sync) fn read_of(&self, id: &ResourceId) -> StoreRead<'_> {
        self.reads.of_one(id)
    }

    /// Begins a read of many resources from the store.
    pub(in crate::sync) fn read_of_many(&self) -> StoreRead<'_> {
        self.reads.of_many()
    }

    pub(in crate::sync) fn events(&self) -> &ListEvents {
        &self.events
    }

    pub(in crate::sync) fn scheduler(&self) -> &Arc<Scheduler> {
        &self.scheduler
    }

    /// Records a request at `now`. It may make the resource's list and its team's members due earlier.
    pub(in crate::sync) fn touch(&self, entry: &Arc<Entry>, now: Duration) {
        if entry.touch(self.settings.in_use_for, now) {
            self.scheduler.warn_of_no_sync();
            self.plan_with_team(entry);
        }
    }

    /// Schedules the resource's list and its team's members.
    pub(in crate::sync) fn plan_with_team(&self, entry: &Arc<Entry>) {
        self.scheduler.plan_resource(entry);
        let list = entry.list();
        let team = list.as_ref().and_then(|list| list.snapshot.team.as_ref());
        if let Some(team) = team.and_then(|team| self.teams.known(&team.id)) {
            self.scheduler.plan_team(&team);
        }
    }
}

impl fmt::Debug for ListCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListCache({} resources)", self.entries.len())
    }
}
