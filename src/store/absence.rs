//! What Heroku said against a resource's being there, and what follows from it.

use std::time::Duration;

use time::OffsetDateTime;

use super::Ticket;

/// What kind of answer says that a resource is not there any more.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AbsenceKind {
    /// 404 or 410 for the add-on, in Heroku's own words.
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
    /// Drawn before Heroku was asked: a list with a later one contradicts the answer.
    pub ticket: Ticket,
    /// When, by the wall clock of the process that asked.
    pub at: OffsetDateTime,
}

impl AbsenceSign {
    /// An answer to a question with this ticket.
    pub fn new(kind: AbsenceKind, ticket: Ticket, at: OffsetDateTime) -> Self {
        Self { kind, ticket, at }
    }
}

/// All such answers about a resource since its last list or its last grant, whichever is later.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Absence {
    /// Of the last answer.
    pub kind: AbsenceKind,
    /// How many there were. Answers of another kind begin anew, unless the resource is dormant.
    pub answers: u32,
    /// When the first of them was given.
    pub first_at: OffsetDateTime,
    /// When the last one was.
    pub last_at: OffsetDateTime,
    /// The latest ticket of any of them.
    pub ticket: Ticket,
    /// Since when the resource is [dormant](super::ResourceState::Dormant); none if it is not.
    pub dormant_at: Option<OffsetDateTime>,
}

impl Absence {
    /// After the first answer.
    pub fn new(sign: AbsenceSign) -> Self {
        Self {
            kind: sign.kind,
            answers: 1,
            first_at: sign.at,
            last_at: sign.at,
            ticket: sign.ticket,
            dormant_at: None,
        }
    }

    /// After a further answer.
    #[must_use]
    pub fn and(self, sign: AbsenceSign) -> Self {
        let goes_on = self.kind == sign.kind || self.dormant_at.is_some();
        let (answers, first_at) = match goes_on {
            true => (self.answers.saturating_add(1), self.first_at),
            false => (1, sign.at),
        };
        Self {
            kind: sign.kind,
            answers,
            first_at,
            last_at: self.last_at.max(sign.at),
            ticket: self.ticket.max(sign.ticket),
            dormant_at: self.dormant_at,
        }
    }
}

/// How many resources may become dormant in a span of time. That many more do is a mistake of the
/// set-up or of Heroku's, and no customer's doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Brake {
    /// The span, which ends now.
    pub within: Duration,
    /// So many may in any case.
    pub at_least: u64,
    /// And so many of a hundred resources.
    pub percent: u64,
}

impl Default for Brake {
    /// 3 or 5 % within an hour, whichever is more.
    fn default() -> Self {
        Self {
            within: Duration::from_secs(60 * 60),
            at_least: 3,
            percent: 5,
        }
    }
}

impl Brake {
    /// True if so many of all `resources` (dormant ones included) may become dormant. `becoming` counts
    /// those that have or would have within the span, the one in question included.
    pub fn allows(&self, becoming: u64, resources: u64) -> bool {
        becoming <= self.at_least
            || becoming.saturating_mul(100) <= resources.saturating_mul(self.percent)
    }
}

/// What came of the wish to make a resource dormant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Dormancy {
    /// It is dormant from now on.
    Begun,
    /// Too many would be: nothing has changed.
    Braked {
        /// How many have become dormant within the span, or would have.
        becoming: u64,
    },
    /// Nothing has changed: a list, a grant or another answer came meanwhile, or it is dormant already.
    Outdated,
}
