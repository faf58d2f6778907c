//! The union of an app's collaborators, its team's members and the people of attached apps, and which users
//! it admits.

use std::sync::Arc;

use heroku_sso_store::{
    Account, Email, People, Permission, Person, Privileges, Role, Roles, UserId,
};

/// Which entries of Heroku's two lists count.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ListPolicy {
    /// All collaborators and team members, exactly as in Heroku's recipe. The default.
    #[default]
    Documented,
    /// Ignores team members whose only role in the team is `collaborator`, unless the app's own
    /// list has them: they were added to some app of the team, which may be another one.
    Strict,
}

/// The users who may enter a resource's dashboard.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessList {
    collaborators: People,
    team_members: TeamMembers,
    policy: ListPolicy,
    /// The users on both lists, in order of their index among the collaborators.
    on_both: Box<[OnBoth]>,
    /// The people of the apps that the add-on is attached to, without roles and permissions.
    attached: People,
}

/// Whether the people of attached apps count for a decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Attached {
    /// They get in.
    Counts,
    /// Heroku's answer about them is too old: they neither get in nor dispute an account.
    TooOld,
}

/// A user on both lists, by index.
#[derive(Clone, Debug, Eq, PartialEq)]
struct OnBoth {
    collaborator: usize,
    team_member: usize,
    /// Merged once, and not at each request.
    privileges: Arc<Privileges>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum TeamMembers {
    NoTeam,
    Known(People),
    /// Heroku refuses to list them. A user who is not a collaborator may or may not be a member.
    Withheld,
}

/// One user on the list: the union of both lists' entries.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Member {
    /// The email, which is the user's key.
    pub email: Email,
    /// The Heroku account, where Heroku's lists agree on one.
    pub user_id: Option<UserId>,
    privileges: Arc<Privileges>,
}

impl Member {
    /// The roles on the app and in the team.
    pub fn roles(&self) -> &Roles {
        &self.privileges.roles
    }

    /// The permissions on the app.
    pub fn permissions(&self) -> &[Permission] {
        &self.privileges.permissions
    }
}

/// Index of an admitted user in the list that produced it; meaningless with any other list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entitlement {
    place: Place,
    /// The position among the people of attached apps, if they count.
    attached: Option<usize>,
}

/// The entry of an admitted user: what both lists together say about them.
#[derive(Clone, Debug)]
pub(crate) struct ListEntry<'a> {
    account: Account,
    privileges: &'a Arc<Privileges>,
}

/// The position of a user in a list.
#[derive(Clone, Copy, Debug)]
enum Place {
    Collaborator(usize),
    TeamMember(usize),
    OnBoth(usize),
    /// On neither list, but on an attached app.
    Attached(usize),
}

/// What the lists have at a position.
enum Found<'a> {
    OnOne(&'a People, usize),
    OnBoth(&'a OnBoth),
}

/// Why a list does not admit a user: see [`Admission`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotEntitled {
    /// See [`Admission::NotListed`].
    NotListed,
    /// See [`Admission::OtherAccount`].
    OtherAccount,
    /// See [`Admission::Unknown`].
    Unknown,
    /// Only on an attached app, about which the last answer is too old.
    TooOld,
}

/// What the list says about a user.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Admission {
    /// On the list.
    Listed(Member),
    /// Not on the list.
    NotListed,
    /// The email is on the list, but for another Heroku account; or the lists disagree about its
    /// account.
    OtherAccount,
    /// Not among the collaborators, and the team's members are unknown.
    Unknown,
}

impl AccessList {
    /// The list of an app that belongs to no team.
    pub fn of_app(collaborators: People, policy: ListPolicy) -> Self {
        Self {
            collaborators,
            team_members: TeamMembers::NoTeam,
            policy,
            on_both: Box::default(),
            attached: People::default(),
        }
    }

    /// The list of an app that belongs to a team.
    pub fn of_team_app(collaborators: People, members: People, policy: ListPolicy) -> Self {
        let mut list = Self {
            collaborators,
            team_members: TeamMembers::Known(members),
            policy,
            on_both: Box::default(),
            attached: People::default(),
        };
        let members = list.known_members();
        let on_both = list.collaborators.on_both(members);
        let on_both = on_both.filter_map(|(collaborator, team_member)| {
            let own = list.collaborators.privileges(collaborator);
            let of_team = members.privileges(team_member);
            list.counts(of_team).then(|| OnBoth {
                collaborator,
                team_member,
                privileges: own.merge(of_team).shared(),
            })
        });
        list.on_both = on_both.collect();
        list
    }

    /// The list of a team's app if Heroku does not list the team's members. It admits the collaborators;
    /// for all other users it returns [`Admission::Unknown`].
    pub fn of_team_app_without_members(collaborators: People, policy: ListPolicy) -> Self {
        Self {
            collaborators,
            team_members: TeamMembers::Withheld,
            policy,
            on_both: Box::default(),
            attached: People::default(),
        }
    }

    /// The same list with the people of apps that the add-on is attached to. Those who are on neither of the
    /// other two lists have no roles and no permissions.
    #[must_use]
    pub fn with_attached(mut self, people: People) -> Self {
        self.attached = people.without_privileges();
        self
    }

    /// What the list says about the user with this email and, if the caller knows it, this account.
    pub fn admission(&self, email: &Email, user_id: Option<&UserId>) -> Admission {
        match self.entitlement(email, user_id, Attached::Counts) {
            Ok(listed) => Admission::Listed(self.entry(listed).member(email)),
            Err(NotEntitled::NotListed) => Admission::NotListed,
            Err(NotEntitled::OtherAccount) => Admission::OtherAccount,
            Err(NotEntitled::Unknown | NotEntitled::TooOld) => Admission::Unknown,
        }
    }

    /// The same without an allocation, for callers that already have the email.
    pub(crate) fn entitlement(
        &self,
        email: &Email,
        user_id: Option<&UserId>,
        attached: Attached,
    ) -> Result<Entitlement, NotEntitled> {
        let Some(place) = self.find(email.as_str()) else {
            return Err(match self.team_members {
                TeamMembers::Withheld if !email.is_pseudo_user() => NotEntitled::Unknown,
                _ => NotEntitled::NotListed,
            });
        };
        if matches!(place, Place::Attached(_)) && attached == Attached::TooOld {
            return Err(NotEntitled::TooOld);
        }
        let attached = match attached {
            Attached::Counts => self.attached.place_of(email.as_str()),
            Attached::TooOld => None,
        };
        let entitlement = Entitlement { place, attached };
        match (self.account(entitlement), user_id) {
            (Account::Disputed, _) => Err(NotEntitled::OtherAccount),
            (Account::Known(known), Some(claimed)) if known != *claimed => {
                Err(NotEntitled::OtherAccount)
            }
            (Account::Known(_) | Account::Unknown, _) => Ok(entitlement),
        }
    }

    /// The entry of a user whom this list admits.
    pub(crate) fn entry(&self, listed: Entitlement) -> ListEntry<'_> {
        let privileges = match self.found(listed.place) {
            Found::OnOne(people, place) => people.privileges(place),
            Found::OnBoth(both) => &both.privileges,
        };
        ListEntry {
            account: self.account(listed),
            privileges,
        }
    }

    /// All users on the list, in order of email. One whose account is disputed is among them, without an
    /// account, although [`admission`](Self::admission) rejects that user.
    pub fn members(&self) -> impl Iterator<Item = Member> {
        let team_members = self.team_members().into_iter().flat_map(People::iter);
        let all: People = self
            .collaborators
            .iter()
            .chain(team_members.filter(|member| self.counts(&member.privileges)))
            .chain(self.attached.iter())
            .collect();
        Vec::from(all).into_iter().map(Member::from)
    }

    /// True if the list lacks the team's members because Heroku does not list them.
    pub fn is_partial(&self) -> bool {
        matches!(self.team_members, TeamMembers::Withheld)
    }

    /// True if one of Heroku's lists has this email, whether or not it admits the user.
    pub(crate) fn has(&self, email: &Email) -> bool {
        let lists = [Some(&self.collaborators), self.team_members()];
        let mut lists = lists.into_iter().flatten().chain([&self.attached]);
        lists.any(|people| people.place_of(email.as_str()).is_some())
    }

    /// True if the user is admitted only because of an attached app.
    pub(crate) fn is_only_attached(&self, listed: Entitlement) -> bool {
        matches!(listed.place, Place::Attached(_))
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

    fn find(&self, email: &str) -> Option<Place> {
        let collaborator = self.collaborators.place_of(email);
        match (collaborator, self.place_of_member(email)) {
            (Some(place), Some(_)) => {
                let by_place = |both: &OnBoth| both.collaborator;
                let found = self.on_both.binary_search_by_key(&place, by_place);
                Some(Place::OnBoth(found.ok()?))
            }
            (Some(place), None) => Some(Place::Collaborator(place)),
            (None, Some(place)) => Some(Place::TeamMember(place)),
            (None, None) => self.attached.place_of(email).map(Place::Attached),
        }
    }

    /// The index of a team member who counts.
    fn place_of_member(&self, email: &str) -> Option<usize> {
        let members = self.team_members()?;
        let place = members.place_of(email)?;
        self.counts(members.privileges(place)).then_some(place)
    }

    /// The account according to all lists that count.
    fn account(&self, listed: Entitlement) -> Account {
        let account = match self.found(listed.place) {
            Found::OnOne(people, place) => people.account(place),
            Found::OnBoth(both) => {
                let collaborator = self.collaborators.account(both.collaborator);
                collaborator.merge(self.known_members().account(both.team_member))
            }
        };
        match listed.attached {
            Some(place) => account.merge(self.attached.account(place)),
            None => account,
        }
    }

    fn found(&self, place: Place) -> Found<'_> {
        match place {
            Place::Collaborator(place) => Found::OnOne(&self.collaborators, place),
            Place::TeamMember(place) => Found::OnOne(self.known_members(), place),
            Place::Attached(place) => Found::OnOne(&self.attached, place),
            Place::OnBoth(place) => Found::OnBoth(&self.on_both[place]),
        }
    }

    fn known_members(&self) -> &People {
        self.team_members().expect("the place is of this list")
    }

    /// True if the policy counts a team member with these privileges. False excludes only the team's entry:
    /// a collaborator of the app stays on the list.
    fn counts(&self, team_member: &Privileges) -> bool {
        let mut roles = team_member.roles.iter();
        match self.policy {
            ListPolicy::Documented => true,
            ListPolicy::Strict => roles.any(|role| *role != Role::Collaborator),
        }
    }
}

impl<'a> ListEntry<'a> {
    /// The user as on the list, with this email.
    pub(crate) fn member(self, email: &Email) -> Member {
        Member {
            email: email.clone(),
            user_id: self.account.known(),
            privileges: Arc::clone(self.privileges),
        }
    }

    /// The Heroku account, if Heroku's lists agree on one.
    pub(crate) fn user_id(self) -> Option<UserId> {
        self.account.known()
    }

    /// The roles on the app and in the team.
    pub(crate) fn roles(&self) -> &'a Roles {
        &self.privileges.roles
    }

    /// The permissions on the app.
    pub(crate) fn permissions(&self) -> &'a [Permission] {
        &self.privileges.permissions
    }
}

impl From<Person> for Member {
    fn from(person: Person) -> Self {
        Self {
            email: person.email,
            user_id: person.account.known(),
            privileges: person.privileges,
        }
    }
}

#[cfg(test)]
mod tests;
