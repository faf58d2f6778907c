//! One call of the partner's own methods at a time for each resource.

use std::collections::HashMap;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::SyncError;
use super::directory::Directory;
use super::run_to_completion::run_to_completion;
use crate::clock::{self, Budget};
use crate::deadlines::PARTNER_TURN;
use crate::ids::ResourceId;
use crate::store::Work;

/// Calls of one resource go one after the other, in the order in which they came; of different ones side
/// by side.
#[derive(Debug, Default)]
pub(crate) struct PartnerTurns(Mutex<HashMap<ResourceId, Slot>>);

#[derive(Debug, Default)]
struct Slot {
    lock: Arc<tokio::sync::Mutex<()>>,
    /// Those that have it or wait for it.
    wanted_by: usize,
}

impl PartnerTurns {
    /// True if another call waits for the resource, whose turn it is now.
    pub(crate) fn others_wait(&self, id: &ResourceId) -> bool {
        self.slots().get(id).is_some_and(|slot| slot.wanted_by > 1)
    }

    /// Does the work while no other call for this resource does, in any process as far as its lease
    /// lasts. It comes to its end also if the caller goes away. The budget is for coming to its turn alone.
    ///
    /// # Errors
    /// [`SyncError::Busy`] if it does not come to its turn in time, [`SyncError::Interrupted`] if the work
    /// panicked; the store's.
    pub(crate) async fn run<T, F>(
        directory: &Arc<Directory>,
        id: &ResourceId,
        budget: Budget,
        mut work: impl FnMut() -> F + Send + 'static,
    ) -> Result<T, SyncError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (directory, id) = (Arc::clone(directory), *id);
        run_to_completion(async move {
            let turn = Turn::wait(&directory, id);
            let turn = clock::within(PARTNER_TURN.min(budget.left()), turn).await;
            let _turn = turn.ok_or(SyncError::Busy)?;
            let lease = Work::Partner(id);
            let patience = PARTNER_TURN.min(budget.left());
            let done = directory.leased_in_turn(&lease, patience, || ready(None), &mut work);
            done.await?.ok_or(SyncError::Busy)
        })
        .await
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<ResourceId, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the row of a resource.
struct Place {
    directory: Arc<Directory>,
    id: ResourceId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut slots = self.directory.partner_turns.slots();
        let Some(slot) = slots.get_mut(&self.id) else {
            return;
        };
        slot.wanted_by -= 1;
        if slot.wanted_by == 0 {
            slots.remove(&self.id);
        }
    }
}

/// The turn itself. In this order: the next one gets it before the place is given up.
struct Turn {
    _guard: OwnedMutexGuard<()>,
    _place: Place,
}

impl Turn {
    async fn wait(directory: &Arc<Directory>, id: ResourceId) -> Self {
        let lock = {
            let mut slots = directory.partner_turns.slots();
            let slot = slots.entry(id).or_default();
            slot.wanted_by += 1;
            Arc::clone(&slot.lock)
        };
        let _place = Place {
            directory: Arc::clone(directory),
            id,
        };
        let _guard = lock.lock_owned().await;
        Self { _guard, _place }
    }
}
