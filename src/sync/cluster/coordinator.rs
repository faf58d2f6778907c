//! Leases, by which one of several processes does a piece of work, and sequence numbers, which order what the
//! processes do.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::{Dated, ResourceId, Work};

use crate::access::ResourceList;
use crate::clock::{self, Budget, SharedClock};
use crate::error_chain;
use crate::store::{BoundedStore, StoreError};
use crate::sync::lists::list_cache::ListCache;
use crate::sync::settings::SyncSettings;
use crate::sync::state::as_of::AsOf;
use crate::sync::state::attached_part::AttachedPart;
use crate::sync::state::cached_list::CachedList;
use crate::sync::state::entry::Entry;
use crate::sync::tasks::Tasks;

/// The life of a lease. After this time, another process can take over the work of one that died.
const LIFE: Duration = Duration::from_secs(10);

/// The pause between two checks whether another process has done the work.
const PAUSE: Duration = Duration::from_millis(250);

/// Coordinates this process with the others on the same store.
#[derive(Debug)]
pub(in crate::sync) struct Coordinator {
    pub(super) clock: SharedClock,
    pub(super) settings: Arc<SyncSettings>,
    pub(super) store: Arc<BoundedStore>,
    pub(super) lists: Arc<ListCache>,
    tasks: Tasks,
}

impl Coordinator {
    pub(in crate::sync) fn new(
        clock: SharedClock,
        settings: Arc<SyncSettings>,
        store: Arc<BoundedStore>,
        lists: Arc<ListCache>,
    ) -> Self {
        Self {
            clock,
            settings,
            store,
            lists,
            tasks: Tasks::default(),
        }
    }

    pub(in crate::sync) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    pub(in crate::sync) fn store(&self) -> &Arc<BoundedStore> {
        &self.store
    }

    /// The tasks for which a shutdown waits.
    pub(in crate::sync) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// True if other processes may use the same store.
    pub(in crate::sync) fn is_shared(&self) -> bool {
        self.store.shared().is_some()
    }

    /// The current moment, with a new sequence number. It is after every moment that a process on this store
    /// has drawn before.
    pub(in crate::sync) async fn as_of(&self) -> Result<AsOf, StoreError> {
        Ok(AsOf::now(&self.clock, self.store.next_sequence().await?))
    }

    /// Stores a copy of a list. Only the part requested at `asked_at` is new.
    pub(in crate::sync) async fn store_list(
        &self,
        entry: &Entry,
        list: &CachedList,
        asked_at: AsOf,
    ) {
        if let Err(error) = self.try_store_list(&entry.id, list, asked_at).await {
            // Memory has the list; the store gets the next one.
            tracing::warn!(
                resource = %entry.id, %error, cause = error_chain::of(&error),
                "list could not be stored; the next fetch stores a newer one"
            );
        }
    }

    /// The part that is not new may have people in memory who were erased from the store, so it is stored as
    /// the store has it.
    async fn try_store_list(
        &self,
        id: &ResourceId,
        list: &CachedList,
        asked_at: AsOf,
    ) -> Result<(), StoreError> {
        let stored = match list.attached() {
            Some(_) => self.store.load(id).await?.and_then(|stored| stored.list),
            None => None,
        };
        let copy = if list.own_asked_at() == asked_at {
            let copy = with_stored_attached(list, stored);
            Some(list.own_asked_at().date(copy, &self.clock))
        } else {
            let new = list.attached().filter(|part| part.asked_at == asked_at);
            let parts = stored.zip(new);
            parts.map(|(stored, new)| with_new_attached(stored, new, &self.clock))
        };
        match copy {
            Some(copy) => self.store.set_list(id, copy).await,
            // The fetch that brought it stores it.
            None => Ok(()),
        }
    }

    /// As [`leased`](Self::leased), once no other process holds the lease. Before each try, `look` checks
    /// whether the work is already done; if so, its result is returned. None if another process still holds
    /// the lease after about `patience`, in real time.
    pub(in crate::sync) async fn leased_in_turn<T, L, F>(
        &self,
        work: &Work,
        patience: Duration,
        mut look: impl FnMut() -> L,
        mut doing: impl FnMut() -> F,
    ) -> Result<Option<T>, StoreError>
    where
        L: Future<Output = Option<T>>,
        F: Future<Output = T>,
    {
        let budget = Budget::of(patience);
        loop {
            if let Some(done) = look().await {
                return Ok(Some(done));
            }
            if let Some(done) = self.leased(work.clone(), doing()).await? {
                return Ok(Some(done));
            }
            if budget.left() <= PAUSE {
                return Ok(None);
            }
            clock::pause(PAUSE).await;
        }
    }

    /// Does the work under its lease, which is renewed for as long as the work takes. None if another process
    /// holds the lease. Without other processes, does the work immediately.
    pub(in crate::sync) async fn leased<T>(
        &self,
        work: Work,
        doing: impl Future<Output = T>,
    ) -> Result<Option<T>, StoreError> {
        let Some(shared) = self.store.shared() else {
            return Ok(Some(doing.await));
        };
        if !shared.lease(&work, LIFE).await? {
            return Ok(None);
        }
        let renewing = async {
            loop {
                self.clock.sleep(LIFE / 3).await;
                match shared.lease(&work, LIFE).await {
                    Ok(true) => {}
                    // The lease only avoids duplicate work: correctness does not depend on it.
                    Ok(false) => {
                        tracing::warn!(%work, "lease was lost; another process may do the same work")
                    }
                    Err(error) => {
                        tracing::warn!(%work, %error, cause = error_chain::of(&error), "lease could not be renewed")
                    }
                }
            }
        };
        let done = tokio::select! {
            done = doing => done,
            () = renewing => unreachable!("renewing does not end"),
        };
        if let Err(error) = shared.release(&work).await {
            tracing::warn!(
                %work, %error, cause = error_chain::of(&error),
                "lease could not be released; it expires"
            );
        }
        Ok(Some(done))
    }
}

/// The own part of `list`, with the stored copy of its answer about attached apps. Without one if the store
/// has another answer, or none.
fn with_stored_attached(list: &CachedList, stored: Option<Dated<ResourceList>>) -> ResourceList {
    let mut copy = list.resource_list();
    let stored = stored.and_then(|stored| stored.value.attached);
    copy.attached = copy.attached.zip(stored).and_then(|(mut copy, stored)| {
        copy.people = stored.people;
        (copy.sequence == stored.sequence).then_some(copy)
    });
    copy
}

/// The stored list, with a new answer about attached apps.
fn with_new_attached(
    mut stored: Dated<ResourceList>,
    new: &AttachedPart,
    clock: &SharedClock,
) -> Dated<ResourceList> {
    let own_asked_at = AsOf::stored(&stored, clock);
    stored.value.attached = Some(new.to_store(own_asked_at));
    stored
}
