//! For each resource, one call of the partner's own methods at a time.

use std::collections::HashMap;
use std::future::{Future, ready};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::OwnedMutexGuard;

use crate::clock::{self, Budget};
use crate::deadlines::PARTNER_TURN;
use crate::ids::ResourceId;
use crate::store::author::Work;
use crate::sync::SyncError;
use crate::sync::cluster::coordinator::Coordinator;
use crate::sync::run_to_completion::run_to_completion;

/// Calls for one resource run one after the other, in their order of arrival; calls for different resources
/// run in parallel.
#[derive(Debug)]
pub(crate) struct PartnerTurns {
    coordinator: Arc<Coordinator>,
    slots: Mutex<HashMap<ResourceId, Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    lock: Arc<tokio::sync::Mutex<()>>,
    /// The number of calls that hold the turn or wait for it.
    wanted_by: usize,
}

impl PartnerTurns {
    pub(in crate::sync) fn new(coordinator: Arc<Coordinator>) -> Self {
        Self {
            coordinator,
            slots: Mutex::default(),
        }
    }

    /// True if another call waits while this resource's turn is taken.
    pub(crate) fn others_wait(&self, id: &ResourceId) -> bool {
        self.slots().get(id).is_some_and(|slot| slot.wanted_by > 1)
    }

    /// Does the work while no other call for this resource runs, in any process as long as the lease lasts.
    /// The work runs to completion even if the caller is dropped. The budget covers only the wait for the
    /// turn.
    ///
    /// # Errors
    /// [`SyncError::Busy`] if the turn does not come in time. [`SyncError::Interrupted`] if the work
    /// panicked. The store's errors.
    pub(crate) async fn run<T, F>(
        self: &Arc<Self>,
        id: &ResourceId,
        budget: Budget,
        mut work: impl FnMut() -> F + Send + 'static,
    ) -> Result<T, SyncError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (turns, id) = (Arc::clone(self), *id);
        run_to_completion(async move {
            let turn = Turn::wait(&turns, id);
            let turn = clock::within(PARTNER_TURN.min(budget.left()), turn).await;
            let _turn = turn.ok_or(SyncError::Busy)?;
            let lease = Work::Partner(id);
            let patience = PARTNER_TURN.min(budget.left());
            let done =
                turns
                    .coordinator
                    .leased_in_turn(&lease, patience, || ready(None), &mut work);
            done.await?.ok_or(SyncError::Busy)
        })
        .await
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<ResourceId, Slot>> {
        self.slots.lock()
    }
}

/// A place in the queue of a resource.
struct Place {
    turns: Arc<PartnerTurns>,
    id: ResourceId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut slots = self.turns.slots();
        let Some(slot) = slots.get_mut(&self.id) else {
            return;
        };
        slot.wanted_by -= 1;
        if slot.wanted_by == 0 {
            slots.remove(&self.id);
        }
    }
}

/// The turn itself. The fields drop in this order: the next call gets the lock before the place is given up.
struct Turn {
    _guard: OwnedMutexGuard<()>,
    _place: Place,
}

impl Turn {
    async fn wait(turns: &Arc<PartnerTurns>, id: ResourceId) -> Self {
        let lock = {
            let mut slots = turns.slots();
            let slot = slots.entry(id).or_default();
            slot.wanted_by += 1;
            Arc::clone(&slot.lock)
        };
        let _place = Place {
            turns: Arc::clone(turns),
            id,
        };
        let _guard = lock.lock_owned().await;
        Self { _guard, _place }
    }
}
