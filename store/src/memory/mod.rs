//! All data in this process's memory.

mod absence;
mod people;
mod sessions;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
use time::OffsetDateTime;

use self::state::{Known, State, forget_team};
use crate::absence::{Absence, AbsenceSign, Brake, Dormancy};
use crate::clock;
use crate::ids::{LegacyId, ResourceId, TeamId};
use crate::people::{Email, People};
use crate::record::{
    ActiveResource, Dated, PendingRemoval, Registration, ResourceState, Revocation,
};
use crate::replay_key::ReplayKey;
use crate::resource_list::ResourceList;
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::session_record::SessionRecords;
use crate::store::Store;
use crate::store_error::StoreError;
use crate::tokens::Tokens;

/// The default store: for one process, which loses all data when it ends. Each resource must then be
/// registered again. Clones share all data.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<State>>);

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("resources", &self.state().resources.len())
            .finish_non_exhaustive()
    }
}

impl MemoryStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn next_sequence(&self) -> Result<Sequence, StoreError> {
        let mut state = self.state();
        // Starts at the time, because a signed session cookie may have a number of the previous process.
        let first = clock::unix_microseconds();
        state.last_sequence = match state.last_sequence {
            0 => first,
            last => last + 1,
        };
        Ok(Sequence::new(state.last_sequence))
    }

    async fn put(
        &self,
        id: &ResourceId,
        mut registration: Registration,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let revision = registration.revision;
        registration.revision += 1;
        match state.resources.get_mut(id) {
            Some(known) if known.is_active() && known.registration.revision == revision => {
                let absence = known.registration.absence;
                registration.absence = registration.absence.and(absence);
                registration.state = ResourceState::Active;
                if registration.absence.is_none() {
                    known.dormancy_wanted_at = None;
                }
                known.registration = registration;
                Ok(true)
            }
            None if revision == 0 => {
                let known = Known {
                    registration,
                    list: None,
                    sessions_since: None,
                    revocations: BTreeMap::new(),
                    pending_removals: BTreeMap::new(),
                    dormancy_wanted_at: None,
                };
                state.resources.insert(*id, known);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn get(&self, id: &ResourceId) -> Result<Option<Registration>, StoreError> {
        let state = self.state();
        let known = state.resources.get(id);
        Ok(known.map(|known| {
            let mut registration = known.registration.clone();
            let absence = registration.absence;
            if absence.is_some_and(|absence| absence.dormant_at.is_some()) {
                registration.state = ResourceState::Dormant;
            }
            registration
        }))
    }

    async fn find_legacy(&self, id: &LegacyId) -> Result<Option<ResourceId>, StoreError> {
        let state = self.state();
        let active = state
            .resources
            .iter()
            .filter(|(_, known)| known.is_active());
        let mut found = active
            .filter(|(_, known)| known.registration.legacy_id.as_ref() == Some(id))
            .map(|(id, _)| *id);
        Ok(found.next().filter(|_| found.next().is_none()))
    }

    async fn load(&self, id: &ResourceId) -> Result<Option<ActiveResource>, StoreError> {
        let state = self.state();
        let known = state.resources.get(id).filter(|known| known.is_active());
        Ok(known.map(|known| known.active(*id)))
    }

    async fn load_page(
        &self,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ActiveResource>, StoreError> {
        use std::ops::Bound;

        let state = self.state();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = state.resources.range((start, Bound::Unbounded));
        let active = rest.filter(|(_, known)| known.is_active()).take(limit);
        Ok(active.map(|(id, known)| known.active(*id)).collect())
    }

    async fn set_tokens(
        &self,
        id: &ResourceId,
        tokens: Tokens,
        revision: i64,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let known = state.resources.get_mut(id);
        let known = known.filter(|known| {
            known.registration.state != ResourceState::Deprovisioned
                && known.registration.revision == revision
        });
        let is_current = known.is_some();
        if let Some(known) = known {
            known.registration.tokens = Some(tokens);
            known.registration.revision += 1;
        }
        Ok(is_current)
    }

    async fn set_list(&self, id: &ResourceId, list: Dated<ResourceList>) -> Result<(), StoreError> {
        let mut state = self.state();
        let State {
            resources, members, ..
        } = &mut *state;
        let Some(known) = resources.get_mut(id).filter(|known| known.is_active()) else {
            return Ok(());
        };
        if known
            .list
            .as_ref()
            .is_some_and(|list_there| list_there.sequence > list.sequence)
        {
            return Ok(());
        }
        let team = list.value.team.clone();
        known
            .pending_removals
            .retain(|_, sequence| *sequence > list.sequence);
        let absence = &mut known.registration.absence;
        *absence = absence.filter(|absence| absence.sequence > list.sequence);
        if absence.is_none() {
            known.dormancy_wanted_at = None;
        }
        let last = known.list.replace(list);
        if last.as_ref().is_some_and(|last| last.value.team != team) {
            forget_team(resources, members, last);
        }
        Ok(())
    }

    async fn set_members(&self, id: &TeamId, members: Dated<People>) -> Result<(), StoreError> {
        let mut state = self.state();
        let known = state.members.get(id);
        if known.is_none_or(|known| known.sequence <= members.sequence) {
            state.members.insert(id.clone(), members);
        }
        Ok(())
    }

    async fn members(&self, id: &TeamId) -> Result<Option<Dated<People>>, StoreError> {
        Ok(self.state().members.get(id).cloned())
    }

    async fn begin_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let mut state = self.state();
        let State {
            resources,
            members,
            sessions,
            ..
        } = &mut *state;
        let known = resources.get_mut(id);
        let Some(known) = known.filter(|known| known.is_active()) else {
            return Ok(false);
        };
        sessions.retain(|_, session| session.resource != *id);
        known.revocations.clear();
        known.pending_removals.clear();
        known.registration.absence = None;
        known.registration.state = ResourceState::Deprovisioning;
        let last = known.list.take();
        forget_team(resources, members, last);
        Ok(true)
    }

    async fn end(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let mut state = self.state();
        let known = state.resources.get(id);
        let was = known.map_or(ResourceState::Deprovisioned, |known| {
            known.registration.state
        });
        if was == ResourceState::Deprovisioned {
            return Ok(false);
        }
        state.end(id, was == ResourceState::Active);
        Ok(true)
    }

    async fn complete_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let mut state = self.state();
        let known = state.resources.get(id).map(|known| &known.registration);
        let changes = known.is_some_and(|known| {
            known.state != ResourceState::Deprovisioned || known.deprovision_owed
        });
        if changes {
            state.end(id, false);
        }
        Ok(changes)
    }

    async fn note_absence(
        &self,
        id: &ResourceId,
        sign: AbsenceSign,
    ) -> Result<Option<Absence>, StoreError> {
        Ok(self.state().note_absence(id, sign))
    }

    async fn make_dormant(
        &self,
        id: &ResourceId,
        sequence: Sequence,
        at: OffsetDateTime,
        brake: &Brake,
    ) -> Result<Dormancy, StoreError> {
        Ok(self.state().make_dormant(id, sequence, at, brake))
    }

    async fn end_dormant(&self, id: &ResourceId, sequence: Sequence) -> Result<bool, StoreError> {
        Ok(self.state().end_dormant(id, sequence))
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
        people::revoke(&mut self.state(), id, revocation, forget_before);
        Ok(())
    }

    async fn revoke_all(&self, id: &ResourceId, sequence: Sequence) -> Result<(), StoreError> {
        people::revoke_all(&mut self.state(), id, sequence);
        Ok(())
    }

    async fn note_pending_removal(
        &self,
        id: &ResourceId,
        pending_removal: PendingRemoval,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let known = state.resources.get_mut(id);
        if let Some(known) = known.filter(|known| known.is_active()) {
            let sequence = known
                .pending_removals
                .entry(pending_removal.email)
                .or_default();
            *sequence = pending_removal.sequence.max(*sequence);
        }
        Ok(())
    }

    async fn erase(&self, id: &ResourceId) -> Result<(), StoreError> {
        self.state().erase(id);
        Ok(())
    }

    async fn erase_person(&self, email: &Email) -> Result<Vec<SessionKey>, StoreError> {
        Ok(people::erase(&mut self.state(), email))
    }

    async fn consume(
        &self,
        key: &ReplayKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        state.sweep(now);
        if state.consumed.contains_key(key) {
            return Ok(false);
        }
        state.consumed.insert(key.clone(), until);
        Ok(true)
    }

    async fn is_consumed(&self, key: &ReplayKey) -> Result<bool, StoreError> {
        Ok(self.state().consumed.contains_key(key))
    }

    async fn close_session(
        &self,
        session: &SessionKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        state.sweep(now);
        state.sessions.remove(session);
        let closed = state.closed.entry(session.clone()).or_insert(until);
        *closed = until.max(*closed);
        Ok(())
    }

    async fn is_session_closed(&self, session: &SessionKey) -> Result<bool, StoreError> {
        Ok(self.state().closed.contains_key(session))
    }

    fn sessions(&self) -> Option<&dyn SessionRecords> {
        Some(self)
    }
}
