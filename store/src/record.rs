//! The records of a store.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use time::OffsetDateTime;

use crate::absence::Absence;
use crate::ids::{LegacyId, ResourceId};
use crate::people::Email;
use crate::resource_list::ResourceList;
use crate::sequence::Sequence;
use crate::tokens::Tokens;

/// An answer of Heroku, and when it was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Dated<T> {
    /// The answer.
    pub value: T,
    /// Drawn before the request to Heroku.
    pub sequence: Sequence,
    /// When Heroku was asked, by the wall clock of the process that asked.
    pub asked_at: OffsetDateTime,
    /// A lower bound of the answer's age. It keeps processes whose clocks differ from taking a list for
    /// younger than it is.
    ///
    /// A store whose database has a clock stores that clock's time less `age`, beside `asked_at`. A read
    /// gives the clock's time less the stored one, or zero if that is negative. Any other store gives zero:
    /// the gate takes the greater of `age` and the age by `asked_at`.
    pub age: Duration,
}

impl<T> Dated<T> {
    /// An answer that was asked for `age` ago.
    pub fn new(value: T, sequence: Sequence, asked_at: OffsetDateTime, age: Duration) -> Self {
        Self {
            value,
            sequence,
            asked_at,
            age,
        }
    }
}

/// The registration of one resource: its state, its ids and its tokens. Its list, its sessions and its
/// revocations are stored beside it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Registration {
    /// The lifecycle state, which decides whether users may enter.
    pub state: ResourceState,
    /// The partner's own id of the resource, by which sign-ins of version 1 of Heroku's Partner API name it.
    pub legacy_id: Option<LegacyId>,
    /// The OAuth tokens; none if Heroku sent no grant, or the resource is deprovisioned. A store encrypts
    /// them.
    pub tokens: Option<Tokens>,
    /// The grant code that the tokens came from, so that a repeated request is recognized. A store encrypts
    /// it.
    pub grant_code: Option<SecretString>,
    /// The fingerprint of the settings of its webhook subscription, see
    /// [`Store::set_webhook`](crate::Store::set_webhook).
    pub webhook: Option<String>,
    /// Heroku's answers that it does not exist.
    pub absence: Option<Absence>,
    /// True if it is deprovisioned, but not by a request of Heroku. When that request comes, the partner's
    /// own code for it must still run.
    pub deprovision_owed: bool,
    /// Zero for a resource that is not stored yet. Increases with every [`put`](crate::Store::put) and
    /// [`set_tokens`](crate::Store::set_tokens) that returns true, also if it stores equal values, and when
    /// the resource is deprovisioned. No other change increases it.
    pub revision: i64,
}

impl Registration {
    /// An active resource that is not stored yet.
    pub fn active(tokens: Option<Tokens>) -> Self {
        Self {
            state: ResourceState::Active,
            legacy_id: None,
            tokens,
            grant_code: None,
            webhook: None,
            absence: None,
            deprovision_owed: false,
            revision: 0,
        }
    }

    /// The same with the partner's own id.
    #[must_use]
    pub fn with_legacy_id(mut self, id: LegacyId) -> Self {
        self.legacy_id = Some(id);
        self
    }
}

/// Lifecycle state of a resource. The guide has a table of how each state affects requests:
/// [`end_of_a_resource`](https://docs.rs/tower-heroku-sso/latest/tower_heroku_sso/guide/end_of_a_resource/).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResourceState {
    /// Provisioned: users on its list may enter.
    Active,
    /// Heroku has reported it as missing, or has refused its grant, for some time. Access is suspended and no
    /// data is lost. A successful answer of Heroku or a new grant makes it active again.
    Dormant,
    /// Being deprovisioned: access has ended, its tokens still work.
    Deprovisioning,
    /// Deprovisioned: neither tokens nor list. Its id is never used again.
    Deprovisioned,
}

/// The data needed to admit users to an active or dormant resource. It contains no secret.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ActiveResource {
    /// The resource's id.
    pub id: ResourceId,
    /// When its access token ends; none if it has none.
    pub token_ends_at: Option<OffsetDateTime>,
    /// The last list, without the members of its team.
    pub list: Option<Dated<ResourceList>>,
    /// Sessions with a lower sequence number have ended: see
    /// [`Store::revoke_all`](crate::Store::revoke_all).
    pub sessions_since: Option<Sequence>,
    /// At most one for each user.
    pub revocations: Vec<Revocation>,
    /// At most one for each user. Those that the list has settled are left out.
    pub pending_removals: Vec<PendingRemoval>,
    /// Heroku's answers that it does not exist.
    pub absence: Option<Absence>,
}

impl ActiveResource {
    /// An active resource without any further data.
    pub fn new(id: ResourceId) -> Self {
        Self {
            id,
            token_ends_at: None,
            list: None,
            sessions_since: None,
            revocations: Vec::new(),
            pending_removals: Vec::new(),
            absence: None,
        }
    }
}

/// A user whose sessions at a resource with a lower sequence number are invalid.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Revocation {
    /// The user's email.
    pub email: Email,
    /// Sessions with a lower sequence number are invalid.
    pub sequence: Sequence,
    /// When it was revoked. [`Store::revoke`](crate::Store::revoke) deletes revocations from before a given
    /// time.
    pub at: OffsetDateTime,
}

impl Revocation {
    /// A revocation of this user's sessions with a lower sequence number.
    pub fn new(email: Email, sequence: Sequence, at: OffsetDateTime) -> Self {
        Self {
            email,
            sequence,
            at,
        }
    }
}

/// A user who, according to Heroku, may have left; no newer list has settled it yet.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct PendingRemoval {
    /// The user's email.
    pub email: Email,
    /// A list with this sequence number or a later one settles the pending removal.
    pub sequence: Sequence,
}

impl PendingRemoval {
    /// A pending removal that a list with this sequence number or a later one settles.
    pub fn new(email: Email, sequence: Sequence) -> Self {
        Self { email, sequence }
    }
}
