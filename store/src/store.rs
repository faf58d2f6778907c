//! The trait of a store.

use std::fmt::Debug;

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::absence::{Absence, AbsenceSign, Brake, Dormancy};
use crate::ids::{LegacyId, ResourceId, TeamId};
use crate::people::{Email, People};
use crate::record::{ActiveResource, Dated, PendingRemoval, Registration, Revocation};
use crate::replay_key::ReplayKey;
use crate::resource_list::ResourceList;
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::session_record::SessionRecords;
use crate::shared::SharedStore;
use crate::store_error::StoreError;
use crate::tokens::Tokens;

/// Where resources, tokens, lists and used SSO requests are stored.
///
/// Every method is atomic. Several tasks and processes may call methods for one resource concurrently. After
/// an error it is unknown whether anything has changed, and the caller rejects the request.
///
/// Only [`sessions`](Self::sessions) and [`shared`](Self::shared) may be left out.
///
/// A call that takes longer than five seconds is dropped and counts as an error.
/// [`load_page`](Self::load_page) and [`erase_person`](Self::erase_person) may take fifteen seconds.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// A sequence number greater than every sequence number that any process has drawn from this store.
    ///
    /// A durable store raises its counter to the Unix time in microseconds whenever it is opened. Otherwise a
    /// restored backup would draw numbers again that signed session cookies already have.
    async fn next_sequence(&self) -> Result<Sequence, StoreError>;

    /// Inserts a new resource (`registration.revision` is zero), or replaces the registration of an active or
    /// dormant one. Its list is kept; its absence is kept only if `registration` has one. Returns false, and
    /// writes nothing, if the resource is not new or has another revision by now.
    async fn put(&self, id: &ResourceId, registration: Registration) -> Result<bool, StoreError>;

    /// The registration of a resource, deprovisioned ones included.
    async fn get(&self, id: &ResourceId) -> Result<Option<Registration>, StoreError>;

    /// The active or dormant resource with the provider's own `id`. None if several have that `id`, as it
    /// then identifies none of them.
    async fn find_legacy(&self, id: &LegacyId) -> Result<Option<ResourceId>, StoreError>;

    /// The data needed to admit users to a resource; none if it is neither active nor dormant.
    async fn load(&self, id: &ResourceId) -> Result<Option<ActiveResource>, StoreError>;

    /// The same for many: at most `limit` such resources after `after`, in ascending order of id.
    async fn load_page(
        &self,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ActiveResource>, StoreError>;

    /// Replaces the tokens of a resource that is not deprovisioned. Returns false, and writes nothing, if the
    /// resource has another revision by now.
    async fn set_tokens(
        &self,
        id: &ResourceId,
        tokens: Tokens,
        revision: i64,
    ) -> Result<bool, StoreError>;

    /// Replaces the list of an active or dormant resource, unless the stored list has a later sequence
    /// number. The list also removes an absence whose sequence number is not later. Does nothing for any
    /// other resource.
    async fn set_list(&self, id: &ResourceId, list: Dated<ResourceList>) -> Result<(), StoreError>;

    /// Replaces the members of a team, unless the stored ones have a later sequence number. A store may
    /// delete them once no active resource has a list that names the team.
    async fn set_members(&self, id: &TeamId, members: Dated<People>) -> Result<(), StoreError>;

    /// The last known members of a team.
    async fn members(&self, id: &TeamId) -> Result<Option<Dated<People>>, StoreError>;

    /// Moves an active or dormant resource to [`Deprovisioning`](crate::ResourceState::Deprovisioning): its list
    /// is deleted, its tokens stay. Returns false if it was neither.
    async fn begin_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError>;

    /// Moves a resource to [`Deprovisioned`](crate::ResourceState::Deprovisioned), with neither tokens nor list.
    /// The store keeps a record that the resource existed, and sets [`Registration::deprovision_owed`] if it was
    /// not being deprovisioned. Returns false if the resource was unknown, or already deprovisioned.
    async fn end(&self, id: &ResourceId) -> Result<bool, StoreError>;

    /// The same for a resource whose `Addon::deprovision`, the partner's own part, has succeeded: it clears
    /// [`Registration::deprovision_owed`]. Returns false if nothing changed.
    async fn deprovisioned(&self, id: &ResourceId) -> Result<bool, StoreError>;

    /// Records an answer that an active or dormant resource does not exist. Returns all such answers since
    /// its last list and its last grant. Returns none if a list with a later sequence number contradicts the
    /// answer, or for any other resource.
    async fn note_absence(
        &self,
        id: &ResourceId,
        sign: AbsenceSign,
    ) -> Result<Option<Absence>, StoreError>;

    /// Makes an active resource [dormant](crate::ResourceState::Dormant) at `at`, if the brake
    /// [allows](Brake::allows) it, and notifies the other processes, if any. Does so only if the resource's
    /// absence still has this sequence number.
    ///
    /// An attempt that the brake stops is recorded with its time, because the brake counts it too.
    async fn make_dormant(
        &self,
        id: &ResourceId,
        sequence: Sequence,
        at: OffsetDateTime,
        brake: &Brake,
    ) -> Result<Dormancy, StoreError>;

    /// Ends a dormant resource as [`end`](Self::end) does, if its absence still has this sequence number.
    /// Returns false otherwise.
    async fn end_dormant(&self, id: &ResourceId, sequence: Sequence) -> Result<bool, StoreError>;

    /// Records that an active or dormant resource is subscribed to webhooks with the settings of this
    /// fingerprint, a short text that is not secret. Does nothing for any other resource.
    async fn set_webhook(&self, id: &ResourceId, fingerprint: &str) -> Result<(), StoreError>;

    /// Invalidates a user's sessions at an active or dormant resource with a lower sequence number than the
    /// revocation's, and notifies the other processes, if any. An earlier revocation never replaces a later
    /// one. Does nothing for any other resource.
    ///
    /// Revocations of this resource older than `forget_before` may be deleted: no session from before them is
    /// still valid.
    async fn revoke(
        &self,
        id: &ResourceId,
        revocation: Revocation,
        forget_before: OffsetDateTime,
    ) -> Result<(), StoreError>;

    /// Invalidates all sessions at an active or dormant resource with a lower sequence number, and notifies
    /// the other processes, if any. Does nothing for any other resource.
    async fn revoke_all(&self, id: &ResourceId, sequence: Sequence) -> Result<(), StoreError>;

    /// Records that a user may have left an active or dormant resource, until its list has the pending
    /// removal's sequence number or a later one. Notifies the other processes, if any. Does nothing for any
    /// other resource.
    async fn note_pending_removal(
        &self,
        id: &ResourceId,
        pending_removal: PendingRemoval,
    ) -> Result<(), StoreError>;

    /// Removes all data of a resource whose provisioning was rejected. Its id can be registered again.
    async fn erase(&self, id: &ResourceId) -> Result<(), StoreError>;

    /// Erases a person from all resources: their sessions, their revocations, their pending removals, and
    /// their entries in lists and among team members. Their sessions are closed, as by
    /// [`close_session`](Self::close_session), and returned. A revocation stays in force without the
    /// email: it becomes one of [all sessions](Self::revoke_all) of its resource with a lower sequence
    /// number.
    async fn erase_person(&self, email: &Email) -> Result<Vec<SessionKey>, StoreError>;

    /// Marks `key` as used until at least `until`. Returns true to exactly one caller, however many ask at
    /// the same time or later. A mark may be deleted only an hour after its `until`, as the processes'
    /// clocks differ.
    async fn consume(
        &self,
        key: &ReplayKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// True if [`consume`](Self::consume) has marked `key` as used. With it, a replay is rejected before it
    /// costs a new session and the fetch of a list.
    async fn is_consumed(&self, key: &ReplayKey) -> Result<bool, StoreError>;

    /// Records that a session was closed, until at least `until`, and notifies the other processes, if any.
    /// Deletes its [`SessionRecord`](crate::SessionRecord), if there is one. The closing may be deleted only an
    /// hour after its `until`, as the processes' clocks differ.
    async fn close_session(
        &self,
        session: &SessionKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StoreError>;

    /// True if any process has closed the session.
    async fn is_session_closed(&self, session: &SessionKey) -> Result<bool, StoreError>;

    /// The additional methods of a store that keeps sessions. None: sessions are in this process's memory,
    /// unless the gate is given a `session_store`.
    fn sessions(&self) -> Option<&dyn SessionRecords> {
        None
    }

    /// The additional methods of a store that several processes may use concurrently. None: only one does.
    fn shared(&self) -> Option<&dyn SharedStore> {
        None
    }
}
