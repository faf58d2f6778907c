use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use heroku_sso_store::{
    Absence, AbsenceSign, ActiveResource, Brake, Dated, Dormancy, PendingRemoval, Registration,
    Revocation, Sequence, SessionKey, Store,
};
use time::OffsetDateTime;
use tower_heroku_sso::access::{People, ResourceList};
use tower_heroku_sso::sso::ReplayKey;
use tower_heroku_sso::store::{MemoryStore, StoreError};
use tower_heroku_sso::{Email, LegacyId, ResourceId, TeamId, Tokens};

#[derive(Clone, Debug, Default)]
pub struct Forgetful {
    inner: MemoryStore,
    forgets: Arc<AtomicBool>,
}

impl Forgetful {
    pub fn forget(&self, forgets: bool) {
        self.forgets.store(forgets, Ordering::SeqCst);
    }
}

#[async_trait]
impl Store for Forgetful {
    async fn next_sequence(&self) -> Result<Sequence, StoreError> {
        self.inner.next_sequence().await
    }
    async fn put(&self, id: &ResourceId, registration: Registration) -> Result<bool, StoreError> {
        self.inner.put(id, registration).await
    }
    async fn get(&self, id: &ResourceId) -> Result<Option<Registration>, StoreError> {
        self.inner.get(id).await
    }
    async fn find_legacy(&self, id: &LegacyId) -> Result<Option<ResourceId>, StoreError> {
        self.inner.find_legacy(id).await
    }
    async fn load(&self, id: &ResourceId) -> Result<Option<ActiveResource>, StoreError> {
        self.inner.load(id).await
    }
    async fn load_page(
        &self,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ActiveResource>, StoreError> {
        self.inner.load_page(after, limit).await
    }
    async fn set_tokens(
        &self,
        id: &ResourceId,
        tokens: Tokens,
        revision: i64,
    ) -> Result<bool, StoreError> {
        self.inner.set_tokens(id, tokens, revision).await
    }
    async fn set_list(&self, id: &ResourceId, list: Dated<ResourceList>) -> Result<(), StoreError> {
        self.inner.set_list(id, list).await
    }
    async fn set_members(&self, id: &TeamId, members: Dated<People>) -> Result<(), StoreError> {
        self.inner.set_members(id, members).await
    }
    async fn members(&self, id: &TeamId) -> Result<Option<Dated<People>>, StoreError> {
        self.inner.members(id).await
    }
    async fn begin_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError> {
        self.inner.begin_deprovisioning(id).await
    }
    async fn end(&self, id: &ResourceId) -> Result<bool, StoreError> {
        self.inner.end(id).await
    }
    async fn complete_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError> {
        self.inner.complete_deprovisioning(id).await
    }
    async fn note_absence(
        &self,
        id: &ResourceId,
        sign: AbsenceSign,
    ) -> Result<Option<Absence>, StoreError> {
        self.inner.note_absence(id, sign).await
    }
    async fn make_dormant(
        &self,
        id: &ResourceId,
        sequence: Sequence,
        at: OffsetDateTime,
        brake: &Brake,
    ) -> Result<Dormancy, StoreError> {
        self.inner.make_dormant(id, sequence, at, brake).await
    }
    async fn end_dormant(&self, id: &ResourceId, sequence: Sequence) -> Result<bool, StoreError> {
        self.inner.end_dormant(id, sequence).await
    }
    async fn revoke_all(&self, id: &ResourceId, sequence: Sequence) -> Result<(), StoreError> {
        self.inner.revoke_all(id, sequence).await
    }
    async fn note_pending_removal(
        &self,
        id: &ResourceId,
        pending_removal: PendingRemoval,
    ) -> Result<(), StoreError> {
        self.inner.note_pending_removal(id, pending_removal).await
    }
    async fn erase_person(&self, email: &Email) -> Result<Vec<SessionKey>, StoreError> {
        self.inner.erase_person(email).await
    }
    async fn erase(&self, id: &ResourceId) -> Result<(), StoreError> {
        self.inner.erase(id).await
    }
    async fn set_webhook(&self, id: &ResourceId, fingerprint: &str) -> Result<(), StoreError> {
        self.inner.set_webhook(id, fingerprint).await
    }
    async fn revoke(
        &self,
        id: &ResourceId,
        revocation: Revocation,
        forget_before: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.inner.revoke(id, revocation, forget_before).await
    }
    async fn consume(
        &self,
        key: &ReplayKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.inner.consume(key, until, now).await
    }
    async fn is_consumed(&self, key: &ReplayKey) -> Result<bool, StoreError> {
        self.inner.is_consumed(key).await
    }
    async fn close_session(
        &self,
        session: &SessionKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        if self.forgets.load(Ordering::SeqCst) {
            return Err(StoreError::new("the database is unavailable"));
        }
        self.inner.close_session(session, until, now).await
    }
    async fn is_session_closed(&self, session: &SessionKey) -> Result<bool, StoreError> {
        self.inner.is_session_closed(session).await
    }
}
