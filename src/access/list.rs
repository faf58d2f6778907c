//! The union of an app's collaborators and its team's members, and who it lets in.

use std::sync::Arc;

use super::standing::Standing;
use super::{Account, Email, People, Person, Role, Roles};
use crate::ids::UserId;

/// Which people of Heroku's two lists count.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ListPolicy {
    /// Collaborators and team members, all of them: Heroku's recipe to the letter. The default.
    #[default]
    Documented,
    /// Leaves out team members whose only role in the team is `collaborator`, unless the app's own
    /// list has them: they were added to some app of the team, which may be another one.
    Strict,
}

/// Who may enter a resource's dashboard.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessList {
    collaborators: People,
    team_members: TeamMembers,
    policy: ListPolicy,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum TeamMembers {
    NoTeam,
    Known(People),
    /// Heroku refuses to tell. Whoever is not a collaborator may or may not be a member.
    Withheld,
}

/// One person on the list: the union of what both lists say.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Member {
    /// The email, the key of the person.
    pub email: Email,
    /// The Heroku account, where Heroku's lists agree on one.
    pub user_id: Option<UserId>,
    standing: Arc<Standing>,
}

impl Member {
    /// The roles on the app and in the team.
    pub fn roles(&self) -> &Roles {
        &self.standing.roles
    }

    /// Names of the permissions on the app.
    pub fn permissions(&self) -> &[Box<str>] {
        &self.standing.permissions
    }
}

/// What the list says about a person.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Admission {
    /// On the list.
    Listed(Member),
    /// Not on the list.
    NotListed,
    /// The email is on the list, for another Heroku account; or the lists disagree about whose it
    /// is.
    OtherAccount,
    /// Not among the collaborators, and the team's members are not known.
    Unknown,
}

impl AccessList {
    /// The list of an app that belongs to no team.
    pub fn of_app(collaborators: People, policy: ListPolicy) -> Self {
        Self {
            collaborators,
            team_members: TeamMembers::NoTeam,
            policy,
        }
    }

    /// The list of an app that belongs to a team.
    pub fn of_team_app(collaborators: People, members: People, policy: ListPolicy) -> Self {
        Self {
            collaborators,
            team_members: TeamMembers::Known(members),
            policy,
        }
    }

    /// The list of a team's app when Heroku does not tell the team's members: the collaborators get
    /// in, about everybody else it says [`Admission::Unknown`].
    pub fn of_team_app_without_members(collaborators: People, policy: ListPolicy) -> Self {
        Self {
            collaborators,
            team_members: TeamMembers::Withheld,
            policy,
        }
    }

    /// What the list says about the person with this email and, where the caller knows it, account.
    pub fn admission(&self, email: &Email, user_id: Option<&UserId>) -> Admission {
        let Some(member) = self.person(email) else {
            return match self.team_members {
                TeamMembers::Withheld if !email.is_pseudo_user() => Admission::Unknown,
                _ => Admission::NotListed,
            };
        };
        match (&member.account, user_id) {
            (Account::Disputed, _) => Admission::OtherAccount,
            (Account::Known(listed), Some(claimed)) if listed != claimed => Admission::OtherAccount,
            _ => Admission::Listed(member.into()),
        }
    }

    /// Everybody on the list, in order of email.
    pub fn members(&self) -> impl Iterator<Item = Member> {
        let everybody: People = self
            .collaborators
            .iter()
            .chain(self.counted_members())
            .cloned()
            .collect();
        Vec::from(everybody).into_iter().map(Member::from)
    }

    /// True if the list lacks the team's members because Heroku does not tell them.
    pub fn is_partial(&self) -> bool {
        matches!(self.team_members, TeamMembers::Withheld)
    }

    /// True if one of Heroku's two lists has this email, whatever it is worth.
    pub(crate) fn has(&self, email: &Email) -> bool {
        let member = || self.team_members().and_then(|members| members.find(email));
        self.collaborators.find(email).or_else(member).is_some()
    }

    pub(crate) fn team_members(&self) -> Option<&People> {
        match &self.team_members {
            TeamMembers::Known(members) => Some(members),
            TeamMembers::NoTeam | TeamMembers::Withheld => None,
        }
    }

    pub(crate) fn collaborators(&self) -> &People {
        &self.collaborators
    }

    fn person(&self, email: &Email) -> Option<Person> {
        let member = self.team_members().and_then(|members| members.find(email));
        let member = member.filter(|member| self.counts(member));
        match (self.collaborators.find(email), member) {
            (Some(collaborator), Some(member)) => Some(collaborator.merge(member)),
            (one, other) => one.or(other).cloned(),
        }
    }

    fn counted_members(&self) -> impl Iterator<Item = &Person> {
        let members = self.team_members().into_iter().flatten();
        members.filter(|member| self.counts(member))
    }

    /// Someone whom both lists have is in by the app's own list whatever this says; the team role
    /// `collaborator` then adds nothing, as the app's list has that role too.
    fn counts(&self, team_member: &Person) -> bool {
        match self.policy {
            ListPolicy::Documented => true,
            ListPolicy::Strict => team_member.roles().iter().any(|r| *r != Role::Collaborator),
        }
    }
}

impl From<Person> for Member {
    fn from(person: Person) -> Self {
        Self {
            email: person.email,
            user_id: match person.account {
                Account::Known(id) => Some(id),
                Account::Unknown | Account::Disputed => None,
            },
            standing: person.standing,
        }
    }
}
