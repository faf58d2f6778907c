//! Everything in this process's memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{Registration, ResourceState, Revocation, Store, StoreError};
use crate::access::{Email, Snapshot};
use crate::ids::{LegacyId, ResourceId};
use crate::secret::Tokens;
use crate::sso::ReplayKey;

/// The default store: one process, forgotten when it ends. A resource must then be registered again.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    resources: BTreeMap<ResourceId, Known>,
    burnt: HashMap<ReplayKey, OffsetDateTime>,
    /// When the table of used requests is next cleared of old entries.
    sweep_at: Option<OffsetDateTime>,
}

#[derive(Debug)]
struct Known {
    registration: Registration,
    list: Option<Arc<Snapshot>>,
    revocations: BTreeMap<Email, OffsetDateTime>,
}

impl MemoryStore {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below is one assignment, so a panic elsewhere leaves no half-done state.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn put(&self, id: &ResourceId, registration: Registration) -> Result<(), StoreError> {
        let mut state = self.state();
        match state.resources.get_mut(id) {
            Some(known) => known.registration = registration,
            None => {
                let known = Known {
                    registration,
                    list: None,
                    revocations: BTreeMap::new(),
                };
                state.resources.insert(*id, known);
            }
        }
        Ok(())
    }

    async fn get(&self, id: &ResourceId) -> Result<Option<Registration>, StoreError> {
        let state = self.state();
        Ok(state
            .resources
            .get(id)
            .map(|known| known.registration.clone()))
    }

    async fn find_legacy(&self, id: &LegacyId) -> Result<Option<ResourceId>, StoreError> {
        let state = self.state();
        let mut active = state
            .resources
            .iter()
            .filter(|(_, known)| known.is_active());
        let found = active.find(|(_, known)| known.registration.legacy_id.as_ref() == Some(id));
        Ok(found.map(|(id, _)| *id))
    }

    async fn active(
        &self,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ResourceId>, StoreError> {
        use std::ops::Bound;

        let state = self.state();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = state.resources.range((start, Bound::Unbounded));
        let active = rest.filter(|(_, known)| known.is_active());
        Ok(active.map(|(id, _)| *id).take(limit).collect())
    }

    async fn set_tokens(&self, id: &ResourceId, tokens: Tokens) -> Result<(), StoreError> {
        if let Some(known) = self.state().resources.get_mut(id)
            && known.registration.state != ResourceState::Gone
        {
            known.registration.tokens = Some(tokens);
        }
        Ok(())
    }

    async fn set_list(&self, id: &ResourceId, list: Arc<Snapshot>) -> Result<(), StoreError> {
        if let Some(known) = self.state().resources.get_mut(id)
            && known.is_active()
        {
            known.list = Some(list);
        }
        Ok(())
    }

    async fn list(&self, id: &ResourceId) -> Result<Option<Arc<Snapshot>>, StoreError> {
        let state = self.state();
        let known = state.resources.get(id).filter(|known| known.is_active());
        Ok(known.and_then(|known| known.list.clone()))
    }

    async fn begin_closing(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let mut state = self.state();
        let known = state.resources.get_mut(id);
        let Some(known) = known.filter(|known| known.is_active()) else {
            return Ok(false);
        };
        known.list = None;
        known.revocations.clear();
        known.registration.state = ResourceState::Closing;
        Ok(true)
    }

    async fn end(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(known) = state.resources.get_mut(id) else {
            return Ok(false);
        };
        if known.registration.state == ResourceState::Gone {
            return Ok(false);
        }
        known.list = None;
        known.revocations.clear();
        known.registration = Registration {
            state: ResourceState::Gone,
            ..Registration::active(None)
        };
        Ok(true)
    }

    async fn set_webhook(&self, id: &ResourceId, fingerprint: &str) -> Result<(), StoreError> {
        let mut state = self.state();
        let known = state
            .resources
            .get_mut(id)
            .filter(|known| known.is_active());
        if let Some(known) = known {
            known.registration.webhook = Some(fingerprint.to_owned());
        }
        Ok(())
    }

    async fn revoke(
        &self,
        id: &ResourceId,
        revocation: Revocation,
        forget_before: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let known = state
            .resources
            .get_mut(id)
            .filter(|known| known.is_active());
        if let Some(known) = known {
            known.revocations.retain(|_, at| *at >= forget_before);
            known.revocations.insert(revocation.email, revocation.at);
        }
        Ok(())
    }

    async fn revocations(&self, id: &ResourceId) -> Result<Vec<Revocation>, StoreError> {
        let state = self.state();
        let known = state.resources.get(id).filter(|known| known.is_active());
        let revocations = known.into_iter().flat_map(|known| &known.revocations);
        let revocations = revocations.map(|(email, at)| Revocation::new(email.clone(), *at));
        Ok(revocations.collect())
    }

    async fn erase(&self, id: &ResourceId) -> Result<(), StoreError> {
        self.state().resources.remove(id);
        Ok(())
    }

    async fn burn(
        &self,
        key: &ReplayKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        if state.sweep_at.is_none_or(|at| at <= now) {
            state.burnt.retain(|_, until| *until > now);
            state.sweep_at = Some(now + time::Duration::MINUTE);
        }
        if state.burnt.contains_key(key) {
            return Ok(false);
        }
        state.burnt.insert(key.clone(), until);
        Ok(true)
    }
}

impl Known {
    fn is_active(&self) -> bool {
        self.registration.state == ResourceState::Active
    }
}
