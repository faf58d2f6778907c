//! For each resource, one call of the partner's own methods at a time.

use std::future::{Future, ready};
use std::sync::Arc;

use heroku_sso_store::{ResourceId, Work};

use crate::clock::{self, Budget};
use crate::deadlines::PARTNER_TURN;
use crate::keyed_lock::KeyedLock;
use crate::sync::SyncError;
use crate::sync::cluster::coordinator::Coordinator;
use crate::sync::run_to_completion::run_to_completion;

/// Calls for one resource run one after the other, in their order of arrival; calls for different resources
/// run in parallel.
#[derive(Debug)]
pub(crate) struct PartnerTurns {
    coordinator: Arc<Coordinator>,
    turns: KeyedLock<ResourceId>,
}

impl PartnerTurns {
    pub(in crate::sync) fn new(coordinator: Arc<Coordinator>) -> Self {
        Self {
            coordinator,
            turns: KeyedLock::default(),
        }
    }

    /// True if a call for this resource waits while another one runs in this process.
    pub(crate) fn others_wait(&self, id: &ResourceId) -> bool {
        self.turns.is_contended(id)
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
        let (calls, id) = (Arc::clone(self), *id);
        run_to_completion(async move {
            let turn = calls.turns.lock(&id);
            let turn = clock::within(PARTNER_TURN.min(budget.left()), turn).await;
            let _turn = turn.ok_or(SyncError::Busy)?;
            let lease = Work::Partner(id);
            let patience = PARTNER_TURN.min(budget.left());
            let done =
                calls
                    .coordinator
                    .leased_in_turn(&lease, patience, || ready(None), &mut work);
            done.await?.ok_or(SyncError::Busy)
        })
        .await
    }
}
