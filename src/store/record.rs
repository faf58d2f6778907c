//! What a store keeps.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Absence;
use crate::access::{Email, ResourceList};
use crate::ids::{LegacyId, ResourceId};
use crate::secret::Tokens;

/// A number that says what came first, to all processes on one store: later is greater.
///
/// Clocks differ from machine to machine and can be set. So what is asked of Heroku, who signs in
/// and who is revoked is put in order by these.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Ticket(i64);

impl Ticket {
    /// The ticket of this number.
    pub fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number, for a store.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An answer of Heroku's, and when it was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Dated<T> {
    /// The answer.
    pub value: T,
    /// Drawn before Heroku was asked.
    pub ticket: Ticket,
    /// By the wall clock of the process that asked.
    pub asked_at: OffsetDateTime,
    /// How long ago that is at least. Keeps processes from taking a list for younger than it is when
    /// their clocks differ: a store with a clock of its own tells the age by that one, any other zero.
    pub age: Duration,
}

impl<T> Dated<T> {
    /// An answer that was asked for `age` ago.
    pub fn new(value: T, ticket: Ticket, asked_at: OffsetDateTime, age: Duration) -> Self {
        Self {
            value,
            ticket,
            asked_at,
            age,
        }
    }
}

/// What a store knows of one resource, its list apart.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Registration {
    /// Whether people may enter.
    pub state: ResourceState,
    /// The provider's own id, for sign-ins by the version 1 token.
    pub legacy_id: Option<LegacyId>,
    /// The OAuth tokens; none if Heroku sent no grant, or the resource is deprovisioned.
    pub tokens: Option<Tokens>,
    /// The grant code that the tokens came from, so that a repeated request is recognized.
    pub grant_code: Option<SecretString>,
    /// What its webhooks were subscribed to with, see
    /// [`Store::set_webhook`](super::Store::set_webhook).
    pub webhook: Option<String>,
    /// What Heroku has said against its being there since its last list and its last grant.
    pub absence: Option<Absence>,
    /// It is deprovisioned, and Heroku has not told so yet: when it does,
    /// [`Addon::deprovision`](crate::partner_api::Addon::deprovision) is still to run.
    pub deprovision_owed: bool,
    /// Grows with every change of the tokens or the grant code; zero for one that no store has.
    pub revision: i64,
}

impl Registration {
    /// An active resource that no store has yet.
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

    /// The same with the provider's own id.
    #[must_use]
    pub fn with_legacy_id(mut self, id: LegacyId) -> Self {
        self.legacy_id = Some(id);
        self
    }
}

/// Lifecycle state of a resource. The guide has a table of what each of them answers:
/// [`end_of_a_resource`](crate::guide::end_of_a_resource).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ResourceState {
    /// Provisioned: people on its list may enter.
    Active,
    /// Heroku has said for a while that it is not there. Access is suspended, nothing is lost: an answer
    /// of Heroku's or a new grant makes it active again.
    Dormant,
    /// Being deprovisioned: access has ended, its tokens still work.
    Deprovisioning,
    /// Deprovisioned: neither tokens nor list. Its id never comes back.
    Deprovisioned,
}

/// What it takes to let people in to an active or dormant resource. No secret is part of it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ActiveResource {
    /// Which.
    pub id: ResourceId,
    /// When its access token ends; none if it has none.
    pub token_ends_at: Option<OffsetDateTime>,
    /// The last list, without the members of its team.
    pub list: Option<Dated<ResourceList>>,
    /// One a person.
    pub revocations: Vec<Revocation>,
    /// One a person, as far as the list does not answer them.
    pub doubts: Vec<Doubt>,
    /// What Heroku has said against its being there since its last list and its last grant.
    pub absence: Option<Absence>,
}

impl ActiveResource {
    /// An active resource of which nothing is known yet.
    pub fn new(id: ResourceId) -> Self {
        Self {
            id,
            token_ends_at: None,
            list: None,
            revocations: Vec::new(),
            doubts: Vec::new(),
            absence: None,
        }
    }
}

/// A person whose sessions at a resource from before a moment do not count.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Revocation {
    /// Who.
    pub email: Email,
    /// Sessions with a lower ticket are over.
    pub ticket: Ticket,
    /// When, so that it can be forgotten with the last of those sessions.
    pub at: OffsetDateTime,
}

impl Revocation {
    /// The end of this person's sessions with a lower ticket.
    pub fn new(email: Email, ticket: Ticket, at: OffsetDateTime) -> Self {
        Self { email, ticket, at }
    }
}

/// A person of whom Heroku said that they may have left, and was not asked since.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct Doubt {
    /// Who.
    pub email: Email,
    /// A list of this ticket or a later one says whether they have.
    pub ticket: Ticket,
}

impl Doubt {
    /// A doubt that a list of this ticket or a later one settles.
    pub fn new(email: Email, ticket: Ticket) -> Self {
        Self { email, ticket }
    }
}
