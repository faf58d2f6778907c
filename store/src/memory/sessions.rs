//! The records of sessions.

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use super::MemoryStore;
use crate::ids::ResourceId;
use crate::people::Email;
use crate::session_key::SessionKey;
use crate::session_record::{SessionRecord, SessionRecords};
use crate::store_error::StoreError;

#[async_trait]
impl SessionRecords for MemoryStore {
    async fn insert_session(&self, session: &SessionRecord) -> Result<bool, StoreError> {
        let mut state = self.state();
        let known = state.resources.get(&session.resource);
        if !known.is_some_and(|known| known.is_active()) {
            return Ok(false);
        }
        state.sweep(session.began);
        let key = session.key.clone();
        state.sessions.insert(key, session.clone());
        Ok(true)
    }

    async fn find_session(&self, key: &SessionKey) -> Result<Option<SessionRecord>, StoreError> {
        Ok(self.state().sessions.get(key).cloned())
    }

    async fn list_sessions(
        &self,
        resource: &ResourceId,
        email: Option<&Email>,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let state = self.state();
        let Some(known) = state.resources.get(resource) else {
            return Ok(Vec::new());
        };
        let is_revoked = |session: &SessionRecord| {
            let revocation = known.revocations.get(&session.email);
            let revoked = revocation.map(|revocation| revocation.sequence);
            revoked.max(known.sessions_since) > Some(session.sequence)
        };
        let wanted = state.sessions.values().filter(|session| {
            session.resource == *resource
                && email.is_none_or(|email| session.email == *email)
                && !is_revoked(session)
        });
        let mut found: Vec<_> = wanted.cloned().collect();
        found.sort_by_key(|session| std::cmp::Reverse(session.began));
        found.truncate(limit);
        Ok(found)
    }

    async fn note_seen(&self, seen: &[(SessionKey, OffsetDateTime)]) -> Result<(), StoreError> {
        let mut state = self.state();
        for (key, at) in seen {
            if let Some(session) = state.sessions.get_mut(key)
                && session.seen_at + Duration::MINUTE <= *at
            {
                session.seen_at = *at;
            }
        }
        Ok(())
    }
}
