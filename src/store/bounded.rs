//! The store as the rest of the crate sees it: every call returns in time, or fails.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::{
    Absence, AbsenceSign, ActiveResource, Brake, Dated, Dormancy, Email, LegacyId, PendingRemoval,
    Registration, ResourceId, Revocation, STORE_CALL, STORE_PAGE, Sequence, SessionKey,
    SessionRecord, SessionRecords, SharedStore, Store, StoreError, StoreEvents, TeamId, Tokens,
    Work,
};
use time::OffsetDateTime;

use crate::access::{People, ResourceList};
use crate::clock;
use crate::deadlines::SESSION_STORE_RECHECK;
use crate::sso::ReplayKey;

/// A [`Store`] whose every call has a deadline. It has the methods of the trait; the rest of the crate has
/// no access to the store without deadlines.
///
/// A call that takes too long is dropped and returns an error. Its write may still have taken effect: as
/// with every other error, the outcome is unknown.
#[derive(Debug)]
pub(crate) struct BoundedStore(Arc<dyn Store>);

/// The same for [`SessionRecords`].
#[derive(Debug)]
pub(crate) struct BoundedSessions<'a>(&'a dyn SessionRecords);

/// The same for [`SharedStore`].
#[derive(Debug)]
pub(crate) struct BoundedShared<'a>(&'a dyn SharedStore);

#[derive(Debug, thiserror::Error)]
#[error("`{call}` took longer than {limit:?}; its write may still have taken effect")]
struct TooSlow {
    call: &'static str,
    limit: Duration,
}

async fn answer<T>(
    limit: Duration,
    name: &'static str,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let answer = clock::within(limit, call).await;
    answer.unwrap_or_else(|| Err(StoreError::new(TooSlow { call: name, limit })))
}

/// The methods of a trait, each with its deadline.
macro_rules! bounded {
    ($($limit:ident $name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {
        $(pub(crate) async fn $name(&self, $($argument: $type),*) -> Result<$output, StoreError> {
            answer($limit, stringify!($name), self.0.$name($($argument),*)).await
        })*
    };
}

impl BoundedStore {
    pub(crate) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self(store))
    }

    bounded! {
        STORE_CALL next_sequence() -> Sequence;
        STORE_CALL put(id: &ResourceId, registration: Registration) -> bool;
        STORE_CALL get(id: &ResourceId) -> Option<Registration>;
        STORE_CALL find_legacy(id: &LegacyId) -> Option<ResourceId>;
        STORE_CALL load(id: &ResourceId) -> Option<ActiveResource>;
        STORE_PAGE load_page(after: Option<&ResourceId>, limit: usize) -> Vec<ActiveResource>;
        STORE_CALL set_tokens(id: &ResourceId, tokens: Tokens, revision: i64) -> bool;
        STORE_CALL set_list(id: &ResourceId, list: Dated<ResourceList>) -> ();
        STORE_CALL set_members(id: &TeamId, members: Dated<People>) -> ();
        STORE_CALL members(id: &TeamId) -> Option<Dated<People>>;
        STORE_CALL begin_deprovisioning(id: &ResourceId) -> bool;
        STORE_CALL end(id: &ResourceId) -> bool;
        STORE_CALL complete_deprovisioning(id: &ResourceId) -> bool;
        STORE_CALL note_absence(id: &ResourceId, sign: AbsenceSign) -> Option<Absence>;
        STORE_CALL make_dormant(
            id: &ResourceId, sequence: Sequence, at: OffsetDateTime, brake: &Brake
        ) -> Dormancy;
        STORE_CALL end_dormant(id: &ResourceId, sequence: Sequence) -> bool;
        STORE_CALL set_webhook(id: &ResourceId, fingerprint: &str) -> ();
        STORE_CALL revoke(
            id: &ResourceId, revocation: Revocation, forget_before: OffsetDateTime
        ) -> ();
        STORE_CALL revoke_all(id: &ResourceId, sequence: Sequence) -> ();
        STORE_CALL note_pending_removal(id: &ResourceId, pending_removal: PendingRemoval) -> ();
        STORE_CALL erase(id: &ResourceId) -> ();
        STORE_PAGE erase_person(email: &Email) -> Vec<SessionKey>;
        STORE_CALL consume(key: &ReplayKey, until: OffsetDateTime, now: OffsetDateTime) -> bool;
        STORE_CALL is_consumed(key: &ReplayKey) -> bool;
        STORE_CALL close_session(
            session: &SessionKey, until: OffsetDateTime, now: OffsetDateTime
        ) -> ();
        STORE_CALL is_session_closed(session: &SessionKey) -> bool;
    }

    /// As `is_session_closed`, for a session of which the process has a copy.
    pub(crate) async fn is_session_closed_again(
        &self,
        session: &SessionKey,
    ) -> Result<bool, StoreError> {
        let closed = self.0.is_session_closed(session);
        answer(SESSION_STORE_RECHECK, "is_session_closed", closed).await
    }

    pub(crate) fn sessions(&self) -> Option<BoundedSessions<'_>> {
        self.0.sessions().map(BoundedSessions)
    }

    pub(crate) fn shared(&self) -> Option<BoundedShared<'_>> {
        self.0.shared().map(BoundedShared)
    }
}

impl BoundedSessions<'_> {
    bounded! {
        STORE_CALL insert_session(session: &SessionRecord) -> bool;
        STORE_CALL find_session(key: &SessionKey) -> Option<SessionRecord>;
        STORE_CALL list_sessions(
            resource: &ResourceId, email: Option<&Email>, limit: usize
        ) -> Vec<SessionRecord>;
        STORE_CALL note_seen(seen: &[(SessionKey, OffsetDateTime)]) -> ();
    }

    /// As `find_session`, for a session of which the process has a copy.
    pub(crate) async fn find_again(
        &self,
        key: &SessionKey,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let find = self.0.find_session(key);
        answer(SESSION_STORE_RECHECK, "find_session", find).await
    }
}

impl BoundedShared<'_> {
    bounded! {
        STORE_CALL lease(work: &Work, life: Duration) -> bool;
        STORE_CALL release(work: &Work) -> ();
    }

    /// Has no deadline: the next event may take any time, and its reader waits for nothing else.
    pub(crate) fn events(&self) -> Box<dyn StoreEvents> {
        self.0.events()
    }
}
