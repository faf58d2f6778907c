//! [`Lifecycle`], with the lock under which a resource changes, and the end of a resource.

use std::sync::Arc;

use heroku_sso_store::{LegacyId, ResourceId, ResourceState};

use super::dormancy::BrakeLog;
use super::partner_calls::PartnerTurns;
use crate::clock::{self, SharedClock};
use crate::deadlines::REGISTRATION_TURN;
use crate::keyed_lock::{KeyGuard, KeyedLock};
use crate::store::{BoundedStore, StoreError};
use crate::sync::SyncError;
use crate::sync::cluster::coordinator::Coordinator;
use crate::sync::lists::list_cache::ListCache;
use crate::sync::lists::list_event::ListEvent;
use crate::sync::run_to_completion::run_to_completion;
use crate::sync::settings::SyncSettings;
use crate::sync::tokens::token_manager::TokenManager;

/// Registers and ends resources. One change of a resource at a time.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    pub(super) clock: SharedClock,
    pub(super) settings: Arc<SyncSettings>,
    pub(super) store: Arc<BoundedStore>,
    pub(super) coordinator: Arc<Coordinator>,
    pub(super) lists: Arc<ListCache>,
    pub(super) tokens: Arc<TokenManager>,
    registration_locks: KeyedLock<ResourceId>,
    pub(super) brake_log: BrakeLog,
    partner_turns: Arc<PartnerTurns>,
}

impl Lifecycle {
    pub(in crate::sync) fn new(
        settings: Arc<SyncSettings>,
        coordinator: Arc<Coordinator>,
        lists: Arc<ListCache>,
        tokens: Arc<TokenManager>,
    ) -> Self {
        Self {
            clock: Arc::clone(coordinator.clock()),
            settings,
            store: Arc::clone(coordinator.store()),
            partner_turns: Arc::new(PartnerTurns::new(Arc::clone(&coordinator))),
            coordinator,
            lists,
            tokens,
            registration_locks: KeyedLock::default(),
            brake_log: BrakeLog::default(),
        }
    }

    /// Serializes the calls of the partner's own methods.
    pub(crate) fn partner_turns(&self) -> &Arc<PartnerTurns> {
        &self.partner_turns
    }

    /// Waits until no other change of this resource is in progress in this process.
    ///
    /// # Errors
    /// [`SyncError::Busy`] if the turn does not come in time.
    pub(super) async fn turn(&self, id: &ResourceId) -> Result<KeyGuard<ResourceId>, SyncError> {
        let turn = clock::within(REGISTRATION_TURN, self.registration_locks.lock(id)).await;
        turn.ok_or(SyncError::Busy)
    }

    /// Finds the resource by the provider's own `id`.
    ///
    /// # Errors
    /// [`SyncError::UnknownResource`] if no resource has it, or the store's error.
    pub(crate) async fn find_legacy(&self, id: &LegacyId) -> Result<ResourceId, SyncError> {
        // Resources provisioned through version 3 carry their UUID as the provider's id.
        if let Ok(uuid) = id.to_string().parse::<ResourceId>() {
            return Ok(uuid);
        }
        let found = self.store.find_legacy(id).await?;
        found.ok_or(SyncError::UnknownResource)
    }

    /// Denies all access and keeps the tokens, because the resource is being deprovisioned. False if it was
    /// neither active nor dormant.
    pub(crate) async fn begin_deprovisioning(
        self: &Arc<Self>,
        id: &ResourceId,
    ) -> Result<bool, SyncError> {
        let (lifecycle, id) = (Arc::clone(self), *id);
        run_to_completion(async move {
            let _turn = lifecycle.turn(&id).await?;
            let has_begun = lifecycle.store.begin_deprovisioning(&id).await;
            // Also after an error: the change may be stored.
            lifecycle.lists.drop_entry(&id);
            Ok(has_begun?)
        })
        .await
    }

    /// Ends a resource: its list, its sessions (they depend on the list) and its tokens. False if the
    /// resource was unknown or had already ended.
    pub(crate) async fn end(self: &Arc<Self>, id: &ResourceId) -> Result<bool, SyncError> {
        let (lifecycle, id) = (Arc::clone(self), *id);
        run_to_completion(async move {
            let _turn = lifecycle.turn(&id).await?;
            let ended = lifecycle.store.end(&id).await;
            let ended = lifecycle.drop_after_error(&id, ended)?;
            lifecycle.drop_ended(&id, ended);
            Ok(ended)
        })
        .await
    }

    /// As [`end`](Self::end), for a resource whose deprovisioning the partner has completed.
    pub(crate) async fn complete_deprovisioning(
        self: &Arc<Self>,
        id: &ResourceId,
    ) -> Result<bool, SyncError> {
        let (lifecycle, id) = (Arc::clone(self), *id);
        run_to_completion(async move {
            let _turn = lifecycle.turn(&id).await?;
            let known = lifecycle.store.get(&id).await?;
            let had_ended = known.is_some_and(|it| it.state == ResourceState::Deprovisioned);
            let changed = lifecycle.store.complete_deprovisioning(&id).await;
            let changed = lifecycle.drop_after_error(&id, changed)?;
            lifecycle.drop_ended(&id, changed && !had_ended);
            Ok(changed)
        })
        .await
    }

    /// Drops the resource from memory if the store failed: the change may be stored all the same, so the next
    /// request reads the store.
    fn drop_after_error<T>(
        &self,
        id: &ResourceId,
        result: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if result.is_err() {
            self.lists.drop_entry(id);
        }
        result
    }

    fn drop_ended(&self, id: &ResourceId, is_news: bool) {
        match is_news {
            true => self.note_end(id),
            false => {
                self.lists.drop_entry(id);
                self.tokens.pending().forget_all(id);
            }
        }
    }

    /// Drops the resource from memory, and announces its end to all readers.
    pub(in crate::sync) fn note_end(&self, id: &ResourceId) {
        self.lists.drop_entry(id);
        self.tokens.pending().forget_all(id);
        self.settings.audit.resource_gone(id);
        self.lists.events().send(ListEvent::Gone(*id));
    }

    /// Removes every trace of a resource whose provisioning was rejected. If another call for it waits, the
    /// tokens that Heroku gave for its code stay in this process's memory: the code works only once, and that
    /// call may present it again.
    pub(crate) async fn erase(self: &Arc<Self>, id: &ResourceId) -> Result<(), SyncError> {
        let (lifecycle, id) = (Arc::clone(self), *id);
        run_to_completion(async move {
            let _turn = lifecycle.turn(&id).await?;
            let known = match lifecycle.partner_turns.others_wait(&id) {
                true => lifecycle.store.get(&id).await?,
                false => None,
            };
            lifecycle.store.erase(&id).await?;
            lifecycle.lists.drop_entry(&id);
            lifecycle.tokens.pending().forget_all(&id);
            if let Some((code, tokens)) = known.and_then(|it| it.grant_code.zip(it.tokens)) {
                let now = lifecycle.clock.now();
                lifecycle.tokens.pending().keep(&id, &code, &tokens, now);
            }
            lifecycle.lists.events().send(ListEvent::Gone(id));
            Ok(())
        })
        .await
    }
}
