//! Loads resources from the store: at their first request, when the sync starts, and after another process
//! has changed something.

use std::sync::Arc;

use heroku_sso_store::{ActiveResource, Dated, ResourceId, ResourceState, TeamId};

use super::coordinator::Coordinator;
use crate::access::{People, ResourceList};
use crate::store::StoreError;
use crate::sync::SyncError;
use crate::sync::lists::list_event::{ListEvent, Source};
use crate::sync::lists::store_reads::StoreRead;
use crate::sync::state::as_of::AsOf;
use crate::sync::state::attached_part::AttachedPart;
use crate::sync::state::cached_list::OwnList;
use crate::sync::state::entry::Entry;

/// How many resources are read from the store per page when the sync starts. The rows of a page leave holes in the
/// allocator's memory, so a page is small.
const PAGE: usize = 250;

/// The most times that one load reads a resource from the store.
const LOADS: usize = 10;

/// Which ends are announced to the readers of changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum AnnouncedEnds {
    /// Of resources that were in memory.
    Cached,
    All,
}

impl Coordinator {
    /// The entry of an active or dormant resource, loaded from the store if necessary. Nothing is kept about
    /// any other, so that an unknown id costs a read of the store and no memory.
    ///
    /// # Errors
    /// [`SyncError::UnknownResource`], [`SyncError::Gone`], or the store's error. [`SyncError::Interrupted`]
    /// if the resource ends or is revived during each of [`LOADS`] reads.
    pub(in crate::sync) async fn entry(&self, id: &ResourceId) -> Result<Arc<Entry>, SyncError> {
        if let Some(entry) = self.lists.get(id) {
            return Ok(entry);
        }
        self.load(id, AnnouncedEnds::Cached).await
    }

    /// Loads every resource in the store.
    pub(in crate::sync) async fn load_all(&self) -> Result<(), SyncError> {
        let mut after: Option<ResourceId> = None;
        loop {
            let read = self.lists.read_of_many();
            let page = self.store.load_page(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.id);
            for resource in page {
                let id = resource.id;
                if self.apply_stored(resource, &read).await?.is_none() {
                    self.load_again(&id, AnnouncedEnds::Cached).await?;
                }
            }
        }
    }

    /// Loads a resource's current state from the store. If it has ended, its end is announced.
    pub(in crate::sync) async fn reload_resource(&self, id: &ResourceId) -> Result<(), SyncError> {
        self.load_again(id, AnnouncedEnds::All).await
    }

    /// Loads the newest list that any process has stored of a resource, and its team's members.
    pub(in crate::sync) async fn reload(&self, id: &ResourceId) -> Result<(), SyncError> {
        self.reload_resource(id).await?;
        let list = self.entry(id).await?.list();
        if let Some(team) = list.as_ref().and_then(|list| list.snapshot.team.as_ref()) {
            self.reload_team(&team.id).await?;
        }
        Ok(())
    }

    /// Loads a team's current members from the store.
    pub(in crate::sync) async fn reload_team(&self, id: &TeamId) -> Result<(), StoreError> {
        let Some(team) = self.lists.teams().known(id) else {
            return Ok(());
        };
        let Some(members) = self.store.members(id).await? else {
            return Ok(());
        };
        let asked_at = AsOf::stored(&members, &self.clock);
        if team.state().remember(members.value, asked_at) {
            self.lists.propagate_members(&team, Source::Store);
        }
        Ok(())
    }

    /// As `load`, for a resource that may have ended.
    async fn load_again(&self, id: &ResourceId, announced: AnnouncedEnds) -> Result<(), SyncError> {
        match self.load(id, announced).await {
            Ok(_) | Err(SyncError::Gone | SyncError::UnknownResource) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Loads a resource from the store, again if it ends or is revived during the load.
    async fn load(
        &self,
        id: &ResourceId,
        announced: AnnouncedEnds,
    ) -> Result<Arc<Entry>, SyncError> {
        for _ in 0..LOADS {
            let read = self.lists.read_of(id);
            let Some(resource) = self.store.load(id).await? else {
                return Err(self.not_active(id, announced).await);
            };
            if let Some(entry) = self.apply_stored(resource, &read).await? {
                return Ok(entry);
            }
        }
        Err(SyncError::Interrupted)
    }

    /// Applies a stored resource to memory, as far as it is new. None if it may be outdated: the resource may have
    /// ended since, or become dormant, or been revived.
    async fn apply_stored(
        &self,
        resource: ActiveResource,
        read: &StoreRead<'_>,
    ) -> Result<Option<Arc<Entry>>, SyncError> {
        let id = resource.id;
        let ActiveResource {
            list,
            sessions_since,
            revocations,
            pending_removals,
            token_ends_at,
            absence,
            ..
        } = resource;
        let members = match &list {
            Some(list) => unknown_members(self, &list.value).await?,
            None => None,
        };
        // Nothing is awaited from here on, so no cancellation leaves an entry half-way.
        let mark = |entry: &Entry| {
            let keep_from = self.settings.oldest_session(self.clock.now());
            for revocation in &revocations {
                entry.note_revocation(revocation.clone(), keep_from);
            }
            if let Some(sequence) = sessions_since {
                entry.note_revocation_of_all(sequence);
            }
            for pending_removal in &pending_removals {
                let since = AsOf::now(&self.clock, pending_removal.sequence);
                entry.note_pending_removal(pending_removal.email.clone(), since);
            }
        };
        let inserted = self.lists.insert(id, read, |entry| {
            // A revoked person must not be admitted in between.
            mark(entry);
            entry.set_absence(absence, &self.clock);
            // The process that was notified of a pending removal may have died since.
            let last = pending_removals
                .iter()
                .map(|pending_removal| pending_removal.sequence)
                .max();
            if let Some(sequence) = last {
                let since = AsOf::now(&self.clock, sequence);
                entry.progress().note().forced_at = Some(since);
            }
        });
        let Some((entry, is_new)) = inserted else {
            return Ok(None);
        };
        if !is_new {
            mark(&entry);
        }
        let is_mended = token_ends_at.is_some_and(|at| entry.note_token_end(at, &self.clock));
        if let Some(list) = list {
            self.apply_stored_list(&entry, list, members);
        }
        self.lists.set_absence(&entry, absence, Source::Store);
        if is_new && entry.is_dormant() {
            self.lists.events().send(ListEvent::List(id));
        }
        if is_new || is_mended {
            self.lists.scheduler().plan_resource(&entry);
        }
        Ok(Some(entry))
    }

    fn apply_stored_list(
        &self,
        entry: &Arc<Entry>,
        mut list: Dated<ResourceList>,
        members: Option<Dated<People>>,
    ) {
        if !self.settings.include_attached_apps {
            // Another configuration has stored them.
            list.value.attached = None;
        }
        let asked_at = AsOf::stored(&list, &self.clock);
        let known = entry.list().map(|list| list.own_asked_at().sequence);
        if known.is_some_and(|known| list.sequence <= known) {
            // Another process may have read the attached apps again, and nothing else.
            if let Some(attached) = list.value.attached {
                let part = AttachedPart::from_store(attached, &list.value.app.id, asked_at);
                self.lists.replace_attached(entry, part, Source::Store);
            }
            return;
        }
        if let Some((team, members)) = list.value.team.as_ref().zip(members) {
            // Before the list, which has them from the beginning then.
            let asked_at = AsOf::stored(&members, &self.clock);
            let team = self.lists.teams().entry(&team.id);
            team.state().remember(members.value, asked_at);
        }
        let own = OwnList {
            asked_at,
            list: list.value,
            etags: None,
        };
        self.lists.replace(entry, own, Source::Store);
    }

    /// Why the store does not have this resource as active or dormant. Its entry is dropped from memory.
    async fn not_active(&self, id: &ResourceId, announced: AnnouncedEnds) -> SyncError {
        let state = match self.store.get(id).await {
            Ok(known) => known.map(|known| known.state),
            Err(error) => return error.into(),
        };
        if matches!(state, Some(ResourceState::Active | ResourceState::Dormant)) {
            // It was made active in the meantime.
            return SyncError::Interrupted;
        }
        let was_here = self.lists.drop_entry(id);
        let has_ended = state != Some(ResourceState::Deprovisioning);
        if has_ended && (was_here || announced == AnnouncedEnds::All) {
            self.lists.events().send(ListEvent::Gone(*id));
        }
        match state {
            None => SyncError::UnknownResource,
            Some(_) => SyncError::Gone,
        }
    }
}

/// The stored members of a list's team, if this process knows none.
async fn unknown_members(
    coordinator: &Coordinator,
    list: &ResourceList,
) -> Result<Option<Dated<People>>, StoreError> {
    let Some(team) = &list.team else {
        return Ok(None);
    };
    let known = coordinator.lists.teams().known(&team.id);
    if known.is_some_and(|team| team.state().list.is_some()) {
        return Ok(None);
    }
    coordinator.store.members(&team.id).await
}
