//! What must be remembered of each resource: its tokens, its last list, its end; which SSO requests
//! have been used, and which sessions were closed.
//!
//! | store | for | feature |
//! | --- | --- | --- |
//! | [`MemoryStore`] | one process, forgotten at its end: development and tests. The default | |
//! | `SqliteStore` | one process that restarts | `sqlite` |
//! | `PostgresStore` | several processes | `postgres` |
//!
//! A partner whose add-on keeps its own database can implement [`Store`] over it.

mod absence;
mod bounded;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod column;
mod memory;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod migrations;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod seal;
mod session_key;
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;
mod sweep;

use std::fmt::{self, Debug};
use std::sync::Arc;

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::access::{People, ResourceList};
use crate::cause;
use crate::ids::{LegacyId, ResourceId, TeamId};
use crate::secret::Tokens;
use crate::sso::ReplayKey;

pub(crate) use bounded::BoundedStore;

pub use absence::{Absence, AbsenceKind, AbsenceSign, Brake, Dormancy};
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
pub use record::{ActiveResource, Dated, Doubt, Registration, ResourceState, Revocation, Ticket};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use seal::{InvalidSealingKey, KeyId, SealError, SealingKey, SealingKeys};
pub use session_key::SessionKey;
pub use shared::{SharedStore, StoreNotice, StoreNotices, Work};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

/// Where resources, tokens, lists and used SSO requests are kept.
///
/// Every method is atomic, and may be called for one resource from several tasks and processes at
/// once. An error means that nothing is known to have changed; the caller then refuses whoever asked. A
/// call that takes longer than five seconds, a page longer than fifteen, is dropped and counts as one.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// A ticket greater than every one that any process has had of this store.
    async fn ticket(&self) -> Result<Ticket, StoreError>;

    /// Takes in a resource that is new (`registration.revision` is zero), or replaces what is known
    /// of an active or dormant one. Its list is kept; its absence only if `registration` has one. False,
    /// and nothing is written, if it is not new or has another revision by now.
    async fn put(&self, id: &ResourceId, registration: Registration) -> Result<bool, StoreError>;

    /// What is known of a resource, deprovisioned ones included.
    async fn get(&self, id: &ResourceId) -> Result<Option<Registration>, StoreError>;

    /// The active or dormant resource that the provider knows by its own `id`; none if several have that one, as
    /// none of them is proved by it then.
    async fn find_legacy(&self, id: &LegacyId) -> Result<Option<ResourceId>, StoreError>;

    /// What it takes to let people in to a resource; none if it is neither active nor dormant.
    async fn load(&self, id: &ResourceId) -> Result<Option<ActiveResource>, StoreError>;

    /// The same of many: at most `limit` such resources after `after`, in ascending order of id.
    async fn load_page(
        &self,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ActiveResource>, StoreError>;

    /// Replaces the tokens of a resource that is not deprovisioned. False, and nothing is written, if it has
    /// another revision than this by now.
    async fn set_tokens(
        &self,
        id: &ResourceId,
        tokens: Tokens,
        revision: i64,
    ) -> Result<bool, StoreError>;

    /// Replaces the list of an active or dormant resource, unless the one there has a later ticket. An
    /// absence without a later ticket is contradicted by it. Does nothing for any other.
    async fn set_list(&self, id: &ResourceId, list: Dated<ResourceList>) -> Result<(), StoreError>;

    /// Replaces the members of a team, unless those there have a later ticket. A store may forget
    /// them once no active resource has a list that names the team.
    async fn set_members(&self, id: &TeamId, members: Dated<People>) -> Result<(), StoreError>;

    /// The last members of a team.
    async fn members(&self, id: &TeamId) -> Result<Option<Dated<People>>, StoreError>;

    /// Makes an active or dormant resource a [`ResourceState::Deprovisioning`] one: no list any more,
    /// but its tokens stay. False if it was neither.
    async fn begin_closing(&self, id: &ResourceId) -> Result<bool, StoreError>;

    /// Ends a resource: [`ResourceState::Deprovisioned`], with neither tokens nor list. That it existed
    /// is remembered, and [`Registration::deprovision_owed`] if it was not being deprovisioned. False if
    /// it was not known, or deprovisioned already.
    async fn end(&self, id: &ResourceId) -> Result<bool, StoreError>;

    /// The same of a resource whose [`Addon::deprovision`](crate::partner_api::Addon::deprovision) has
    /// succeeded: nothing is owed any more. False if nothing has changed by it.
    async fn deprovisioned(&self, id: &ResourceId) -> Result<bool, StoreError> {
        self.end(id).await
    }

    /// Remembers an answer that an active or dormant resource is not there. Returns all of them since
    /// its last list and its last grant; none if a list with a later ticket contradicts it, or for any
    /// other resource.
    ///
    /// A store that leaves this and the next two out keeps every resource until it is deprovisioned.
    async fn note_absence(
        &self,
        _id: &ResourceId,
        _sign: AbsenceSign,
    ) -> Result<Option<Absence>, StoreError> {
        Ok(None)
    }

    /// Makes an active resource a [dormant](ResourceState::Dormant) one at `at`, unless too many others
    /// would be, and tells the other processes if there are any. Only if its last word is the absence
    /// with this ticket.
    async fn make_dormant(
        &self,
        _id: &ResourceId,
        _ticket: Ticket,
        _at: OffsetDateTime,
        _brake: &Brake,
    ) -> Result<Dormancy, StoreError> {
        Ok(Dormancy::Outdated)
    }

    /// Ends a dormant resource as [`end`](Self::end) does, if its last word is the absence with this
    /// ticket. False if it is not.
    async fn end_dormant(&self, _id: &ResourceId, _ticket: Ticket) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Remembers that an active resource is subscribed to webhooks with the settings of this
    /// fingerprint, a short text that is no secret. Does nothing for any other resource.
    async fn set_webhook(&self, id: &ResourceId, fingerprint: &str) -> Result<(), StoreError>;

    /// Remembers that a person's sessions at an active resource from before a moment do not count.
    /// What is older than `forget_before` no session can hang on any more. Does nothing for any
    /// other resource.
    async fn revoke(
        &self,
        id: &ResourceId,
        revocation: Revocation,
        forget_before: OffsetDateTime,
    ) -> Result<(), StoreError>;

    /// Remembers that a person may have left an active resource, until its list has the doubt's ticket
    /// or a later one, and tells the other processes if there are any. Does nothing for any other
    /// resource.
    ///
    /// A store that leaves this out forgets doubts with the process that was told of them.
    async fn doubt(&self, _id: &ResourceId, _doubt: Doubt) -> Result<(), StoreError> {
        Ok(())
    }

    /// Removes every trace of a resource whose provisioning was refused.
    async fn erase(&self, id: &ResourceId) -> Result<(), StoreError>;

    /// Marks `key` as used until at least `until`. True for exactly one caller, whoever else asks
    /// at the same time or later. What is forgotten must be an hour past its `until`, as processes'
    /// clocks differ.
    async fn burn(
        &self,
        key: &ReplayKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// True if [`burn`](Self::burn) has marked `key` as used. A replay is found out by it before a
    /// session is made, and a list fetched, for it.
    ///
    /// A store that leaves this out finds replays out all the same, when they have cost as much as a
    /// sign-in.
    async fn is_consumed(&self, _key: &ReplayKey) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Remembers that a session was closed, until at least `until`, and tells the other processes if
    /// there are any. What is forgotten must be an hour past its `until`, as processes' clocks differ.
    async fn close_session(
        &self,
        session: &SessionKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StoreError>;

    /// True if a session was closed, by any process.
    async fn is_session_closed(&self, session: &SessionKey) -> Result<bool, StoreError>;

    /// What this store adds if several processes may use it at once. None: only one does.
    fn shared(&self) -> Option<&dyn SharedStore> {
        None
    }
}

/// The store cannot answer.
#[derive(Clone, thiserror::Error)]
#[error("the store cannot answer")]
pub struct StoreError(#[source] Arc<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps the error of the database behind a store.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into().into())
    }
}

impl fmt::Debug for StoreError {
    /// As a `main` prints it that returns the error: with the reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&cause::with(self))
    }
}
