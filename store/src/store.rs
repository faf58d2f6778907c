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
/// These rules hold for every method here, of [`SessionRecords`] and of [`SharedStore`]. Only
/// [`sessions`](Self::sessions) and [`shared`](Self::shared) may be left out.
///
/// # Atomic changes
/// - A call is one atomic change, its checks included. No other call sees part of it, even if the process is
///   killed. A read shows the state at one moment.
/// - A change is durable when its call returns, and every later read sees it, in all processes. Do not read
///   from a replica that lags behind.
/// - Several tasks and processes may call methods for one resource concurrently. What a call stores for a
///   resource while another call ends it, such as a session, must not stay.
/// - The future may be dropped at any `await`. Its change is then complete or absent.
///
/// # Errors
/// - After an error it is unknown whether anything has changed, and the caller rejects the request.
/// - Return an error if the database does not answer. Never return a value that was not stored, nor an empty
///   one in its place.
/// - Retry deadlocks and serialization failures inside the call, within its deadline: the gate retries few
///   calls.
///
/// # Deadlines
/// A call that takes longer than [`STORE_CALL`](crate::STORE_CALL) is dropped and counts as an error.
/// [`load_page`](Self::load_page) and [`erase_person`](Self::erase_person) have
/// [`STORE_PAGE`](crate::STORE_PAGE). While the gate has a copy of a session,
/// [`find_session`](crate::SessionRecords::find_session) and [`is_session_closed`](Self::is_session_closed)
/// have two seconds. Only [`StoreEvents::next`](crate::StoreEvents::next) has no deadline.
///
/// # Order
/// [Sequence numbers](crate::Sequence) decide which value is later, never times or the order of calls. A
/// value with a lower number never replaces one with a higher number. A list with the same number does
/// replace the stored one: it can have newer people of attached apps.
///
/// # States
/// Unless it says otherwise, a method changes only a resource that is active or dormant. For any other, it
/// changes nothing, and returns false, none or [`Outdated`](crate::Dormancy::Outdated). A resource is
/// [dormant](crate::ResourceState::Dormant) exactly while its [`Absence`] has a `dormant_at`.
///
/// # Values
/// - Encrypt [`Registration::tokens`] and [`grant_code`](crate::Registration::grant_code) at rest, with a key
///   from outside the database. Bind each value to its resource's id, so that it opens for no other. Nothing
///   else is secret, but lists, members, sessions, revocations and pending removals contain emails.
/// - Store lists and members as JSON, by their `Serialize`. A later version may have written a value that
///   this one cannot read. Lists, members, absences, revocations, pending removals and sessions then count as
///   missing. Tokens or a grant code that cannot be decrypted are an error, and so is an unknown state.
/// - Compare all text byte by byte (MySQL: `utf8mb4_bin` or `VARBINARY`). MySQL's default collation ignores
///   case and accents: two people would have one email, and two sign-ins one replay key.
/// - Keep times to the millisecond or better, and never round them up (MySQL: `DATETIME(6)` in UTC). The
///   tests use whole seconds.
/// - `Debug` of the store shows no secret.
/// - The longest texts, in bytes: emails 320, ids 64, [`ReplayKey`] 134, [`Work`](crate::Work) 72,
///   [`SessionKey`] 64. Lists and members can be many megabytes (MySQL: `LONGTEXT`).
///
/// # Sweep
/// [`consume`](Self::consume) and [`close_session`](Self::close_session) get the caller's time as `now`,
/// which is for the sweep alone. They start a sweep in the background if one is due by `now`, not by real
/// time: the sweeps are at most 15 minutes apart, and one is also due when `now` has gone back. A failed
/// sweep is logged, and the next one repeats it.
///
/// A sweep deletes used keys, closings and records of sessions that expired over an hour before `now`. They
/// stay for that hour because the processes' clocks differ. A shared store also keeps what has not expired
/// for an hour by the database's clock: one process with a fast clock must not delete for all.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// A sequence number greater than every sequence number that any process has drawn from this store. Gaps
    /// are allowed. Do not assign ranges of numbers to processes or connections: that loses the order.
    ///
    /// A durable store raises its counter to the Unix time in microseconds whenever it is opened. Otherwise a
    /// restored backup would draw numbers again that signed session cookies already have.
    async fn next_sequence(&self) -> Result<Sequence, StoreError>;

    /// Inserts an unknown resource if `registration.revision` is zero. Replaces the registration of an active
    /// or dormant one that has this revision. Increases the revision, and returns true. Otherwise returns
    /// false, and writes nothing.
    ///
    /// Replaces tokens, grant code, legacy id and webhook fingerprint. Keeps all other data of the resource,
    /// and ignores `state` and `deprovision_owed`: a new resource is active. The stored absence is kept if
    /// `registration` has any, and deleted if it has none.
    async fn put(&self, id: &ResourceId, registration: Registration) -> Result<bool, StoreError>;

    /// The registration of a resource in any state, deprovisioned ones included.
    async fn get(&self, id: &ResourceId) -> Result<Option<Registration>, StoreError>;

    /// The active or dormant resource with the partner's own `id`. None if several have that `id`, as it then
    /// identifies none of them.
    async fn find_legacy(&self, id: &LegacyId) -> Result<Option<ResourceId>, StoreError>;

    /// The data needed to admit users to a resource; none if it is neither active nor dormant.
    async fn load(&self, id: &ResourceId) -> Result<Option<ActiveResource>, StoreError>;

    /// The same for many: at most `limit` such resources after `after`, in ascending order of id. An empty
    /// page is the end. The gate asks for 1000 resources at a time.
    async fn load_page(
        &self,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ActiveResource>, StoreError>;

    /// Replaces the tokens of a resource, also of one that is being deprovisioned, and increases its
    /// revision. Returns false, and writes nothing, if the resource is unknown or deprovisioned, or has
    /// another revision by now.
    async fn set_tokens(
        &self,
        id: &ResourceId,
        tokens: Tokens,
        revision: i64,
    ) -> Result<bool, StoreError>;

    /// Replaces the list of an active or dormant resource, unless the stored list has a later sequence
    /// number. Also deletes its absence and its pending removals, except those with a later sequence number
    /// than the list. A dormant resource whose absence is deleted is active again.
    async fn set_list(&self, id: &ResourceId, list: Dated<ResourceList>) -> Result<(), StoreError>;

    /// Replaces the members of a team, unless the stored ones have a later sequence number. Members are also
    /// stored if no list names the team yet.
    ///
    /// A store may delete them when the last list that names the team is deleted or replaced. A sweep may
    /// delete those that are over an hour old and whose team no list names.
    async fn set_members(&self, id: &TeamId, members: Dated<People>) -> Result<(), StoreError>;

    /// The last stored members of a team.
    async fn members(&self, id: &TeamId) -> Result<Option<Dated<People>>, StoreError>;

    /// Moves an active or dormant resource to [`Deprovisioning`](crate::ResourceState::Deprovisioning).
    /// Deletes its list, absence, sessions, revocations and pending removals, and keeps its registration
    /// otherwise. Returns false if it was neither.
    async fn begin_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError>;

    /// Moves a resource to [`Deprovisioned`](crate::ResourceState::Deprovisioned), and increases its
    /// revision. Deletes what [`begin_deprovisioning`](Self::begin_deprovisioning) does, and its tokens,
    /// grant code, legacy id and webhook fingerprint. Returns false if the resource was unknown, or already
    /// deprovisioned.
    ///
    /// A record that the resource existed stays, so that it cannot be registered again. Its
    /// [`deprovision_owed`](crate::Registration::deprovision_owed) is true if it was active or dormant, and
    /// false if it was being deprovisioned.
    async fn end(&self, id: &ResourceId) -> Result<bool, StoreError>;

    /// As [`end`](Self::end), for a resource whose deprovisioning by the partner's own code has succeeded.
    /// Clears [`deprovision_owed`](crate::Registration::deprovision_owed), also if the resource is already
    /// deprovisioned. Returns false if nothing changed.
    async fn complete_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError>;

    /// Records an answer that an active or dormant resource does not exist, and returns its absence with that
    /// answer: [`Absence::new`] of the first answer, [`Absence::and`] of a further one. Returns none, and
    /// records nothing, if the stored list has the same sequence number or a later one: it contradicts the
    /// answer.
    async fn note_absence(
        &self,
        id: &ResourceId,
        sign: AbsenceSign,
    ) -> Result<Option<Absence>, StoreError>;

    /// Makes an active resource [dormant](crate::ResourceState::Dormant) at `at`, if the brake
    /// [allows](crate::Brake::allows) it. Does nothing if the resource's absence has another sequence number
    /// by now. Records the time `at` of an attempt that the brake stops, too, because the brake counts it.
    ///
    /// The brake is about all resources: count and change under one lock for all calls. `resources` is the
    /// number of active and dormant ones. `becoming` counts the resources with an attempt after
    /// `at - brake.within`, this one included. Each counts once, by its last attempt, as long as its absence
    /// stands.
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
    /// fingerprint, a short text that is not secret. Keeps the revision.
    async fn set_webhook(&self, id: &ResourceId, fingerprint: &str) -> Result<(), StoreError>;

    /// Invalidates a user's sessions at an active or dormant resource whose sequence numbers are lower than
    /// the revocation's.
    ///
    /// Deletes this resource's other revocations from before `forget_before`: no session from before them is
    /// still valid.
    async fn revoke(
        &self,
        id: &ResourceId,
        revocation: Revocation,
        forget_before: OffsetDateTime,
    ) -> Result<(), StoreError>;

    /// Invalidates all sessions at an active or dormant resource whose sequence numbers are lower than this
    /// one: raises [`sessions_since`](crate::ActiveResource::sessions_since) to it.
    async fn revoke_all(&self, id: &ResourceId, sequence: Sequence) -> Result<(), StoreError>;

    /// Records that a user may have left an active or dormant resource, until its list has the pending
    /// removal's sequence number or a later one. If that is so already, [`load`](Self::load) does not return
    /// it.
    async fn note_pending_removal(
        &self,
        id: &ResourceId,
        pending_removal: PendingRemoval,
    ) -> Result<(), StoreError>;

    /// Deletes all data of a resource in any state, because its provisioning was rejected. Its id can be
    /// registered again.
    async fn erase(&self, id: &ResourceId) -> Result<(), StoreError>;

    /// Erases a person from all resources: their sessions, their revocations, their pending removals, and
    /// their entries in lists and among team members. Returns the keys of the sessions.
    ///
    /// - Each of the sessions is closed until its `ends_at`, as by [`close_session`](Self::close_session).
    /// - A revocation stays in force without the email: it becomes one of [all sessions](Self::revoke_all) of
    ///   its resource with a lower sequence number.
    /// - Lists and members keep their sequence numbers and times. One that cannot be read and contains the
    ///   email is deleted.
    /// - What another call stores at the same time may stay: the gate erases the person again soon after.
    async fn erase_person(&self, email: &Email) -> Result<Vec<SessionKey>, StoreError>;

    /// Marks `key` as used until at least an hour after `until`. Returns true to exactly one caller until the
    /// mark is deleted by a [sweep](crate::Store#sweep).
    async fn consume(
        &self,
        key: &ReplayKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// True if [`consume`](Self::consume) has marked `key` as used. With it, a replay is rejected before it
    /// costs a new session and the fetch of a list.
    async fn is_consumed(&self, key: &ReplayKey) -> Result<bool, StoreError>;

    /// Records that a session was closed, until at least an hour after `until`, and deletes its
    /// [`SessionRecord`](crate::SessionRecord), if there is one. A repeated call may keep the first `until`.
    /// A [sweep](crate::Store#sweep) deletes the closing.
    async fn close_session(
        &self,
        session: &SessionKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StoreError>;

    /// True if any process has closed the session.
    async fn is_session_closed(&self, session: &SessionKey) -> Result<bool, StoreError>;

    /// The additional methods of a store that keeps sessions. None: sessions are in this process's memory,
    /// unless the gate is given a session store of the crate `tower-sessions`.
    fn sessions(&self) -> Option<&dyn SessionRecords> {
        None
    }

    /// The additional methods of a store that several processes may use concurrently. None: only one does.
    fn shared(&self) -> Option<&dyn SharedStore> {
        None
    }
}
