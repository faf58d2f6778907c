//! Answers of Heroku that a resource does not exist, and what follows from them.

use std::time::Duration;

use time::OffsetDateTime;

use crate::sequence::Sequence;

/// What kind of answer says that a resource no longer exists.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AbsenceKind {
    /// Heroku itself answered 404 or 410 for the add-on.
    NotFound,
    /// The OAuth host refused the refresh token.
    GrantRefused,
}

/// One such answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AbsenceSign {
    /// What was answered.
    pub kind: AbsenceKind,
    /// Drawn before the request to Heroku. A list with this sequence number or a later one contradicts the
    /// answer.
    pub sequence: Sequence,
    /// When the answer was given, by the wall clock of the process that asked.
    pub at: OffsetDateTime,
}

impl AbsenceSign {
    /// An answer to a request with this sequence number.
    pub fn new(kind: AbsenceKind, sequence: Sequence, at: OffsetDateTime) -> Self {
        Self { kind, sequence, at }
    }
}

/// All such answers about a resource since its last list or its last grant, whichever is later. A store that
/// reads one back makes it with [`new`](Self::new), and sets the fields.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Absence {
    /// The kind of the last answer.
    pub kind: AbsenceKind,
    /// How many answers there were. An answer of another kind restarts the count, unless the resource is
    /// dormant.
    pub answers: u32,
    /// When the first answer was given.
    pub first_at: OffsetDateTime,
    /// When the last answer was given.
    pub last_at: OffsetDateTime,
    /// The latest sequence number of these answers.
    pub sequence: Sequence,
    /// Since when the resource is [dormant](crate::ResourceState::Dormant); none if it is not.
    pub dormant_at: Option<OffsetDateTime>,
}

impl Absence {
    /// The state after the first answer.
    pub fn new(sign: AbsenceSign) -> Self {
        Self {
            kind: sign.kind,
            answers: 1,
            first_at: sign.at,
            last_at: sign.at,
            sequence: sign.sequence,
            dormant_at: None,
        }
    }

    /// The state after a further answer.
    #[must_use]
    pub fn and(self, sign: AbsenceSign) -> Self {
        let continues = self.kind == sign.kind || self.dormant_at.is_some();
        let (answers, first_at) = match continues {
            true => (self.answers.saturating_add(1), self.first_at),
            false => (1, sign.at),
        };
        Self {
            kind: sign.kind,
            answers,
            first_at,
            last_at: self.last_at.max(sign.at),
            sequence: self.sequence.max(sign.sequence),
            dormant_at: self.dormant_at,
        }
    }
}

/// How many resources may become dormant within a period. More than that indicates a configuration error
/// or a fault at Heroku, not the action of a customer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Brake {
    /// The period, which ends with the attempt.
    pub within: Duration,
    /// This many may become dormant in any case, however few resources there are.
    pub at_least: u64,
    /// This percentage of all resources may become dormant.
    pub percent: u64,
}

impl Default for Brake {
    /// The greater of 3 resources and 5 % of them, within an hour.
    fn default() -> Self {
        Self {
            within: Duration::from_secs(60 * 60),
            at_least: 3,
            percent: 5,
        }
    }
}

impl Brake {
    /// True if this many of all `resources` (active and dormant) may become dormant. `becoming` counts the
    /// resources that became dormant within the period or would have, including the one in question.
    pub fn allows(&self, becoming: u64, resources: u64) -> bool {
        becoming <= self.at_least
            || becoming.saturating_mul(100) <= resources.saturating_mul(self.percent)
    }
}

/// The result of an attempt to make a resource dormant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dormancy {
    /// The resource is dormant from now on.
    Begun,
    /// Too many resources would be dormant, so the resource stays active. Only the attempt is recorded.
    Braked {
        /// How many resources became dormant within the period, or would have.
        becoming: u64,
    },
    /// Nothing has changed: a newer list, grant or answer arrived meanwhile, or the resource is already
    /// dormant.
    Outdated,
}
