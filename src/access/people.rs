//! The entries of one of Heroku's lists.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::privileges::Privileges;
use super::{Email, Permission, Role, Roles};
use crate::ids::UserId;

/// The Heroku account of an email on a list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Account {
    /// The list names no account.
    Unknown,
    /// The account.
    Known(UserId),
    /// Two entries with one email name two accounts. Such an entry admits no user.
    Disputed,
}

impl Account {
    pub(super) fn merge<'a>(&'a self, other: &'a Self) -> &'a Self {
        match (self, other) {
            (Self::Unknown, account) | (account, Self::Unknown) => account,
            (Self::Known(a), Self::Known(b)) if a == b => self,
            _ => &Self::Disputed,
        }
    }
}

/// One person on a list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "PersonForm", into = "PersonForm")]
#[non_exhaustive]
pub struct Person {
    /// The email, which is the person's key.
    pub email: Email,
    /// The Heroku account.
    pub account: Account,
    pub(super) privileges: Arc<Privileges>,
}

/// A person in stored form.
#[derive(Deserialize, Serialize)]
struct PersonForm {
    email: Email,
    account: Account,
    roles: Roles,
    permissions: Box<[Permission]>,
}

impl Person {
    /// A person with one role or none, without permissions.
    pub fn new(email: Email, user_id: Option<UserId>, role: Option<Role>) -> Self {
        Self {
            email,
            account: user_id.map_or(Account::Unknown, Account::Known),
            privileges: Privileges::of(role).shared(),
        }
    }

    /// The roles on this list.
    pub fn roles(&self) -> &Roles {
        &self.privileges.roles
    }

    /// A collaborator's permissions on a team app.
    pub fn permissions(&self) -> &[Permission] {
        &self.privileges.permissions
    }

    /// The same person with permissions.
    #[must_use]
    pub fn with_permissions(mut self, permissions: impl IntoIterator<Item = Permission>) -> Self {
        let privileges = Privileges {
            roles: self.privileges.roles.clone(),
            permissions: permissions.into_iter().collect(),
        };
        self.privileges = privileges.shared();
        self
    }

    pub(super) fn email_and_account(&self) -> (&Email, &Account) {
        (&self.email, &self.account)
    }

    fn has_privileges(&self) -> bool {
        *self.privileges != Privileges::default()
    }

    pub(super) fn merge(&self, other: &Self) -> Self {
        Self {
            email: self.email.clone(),
            account: self.account.merge(&other.account).clone(),
            privileges: self.privileges.merge(&other.privileges).shared(),
        }
    }
}

impl From<PersonForm> for Person {
    fn from(form: PersonForm) -> Self {
        let privileges = Privileges {
            roles: form.roles,
            permissions: form.permissions,
        };
        Self {
            email: form.email,
            account: form.account,
            privileges: privileges.shared(),
        }
    }
}

impl From<Person> for PersonForm {
    fn from(person: Person) -> Self {
        Self {
            email: person.email,
            account: person.account,
            roles: person.privileges.roles.clone(),
            permissions: person.privileges.permissions.clone(),
        }
    }
}

/// The people on one list: each email once, in order of email. Cheap to clone.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "Vec<Person>", into = "Vec<Person>")]
pub struct People(Arc<[Person]>);

impl People {
    /// The person with this email.
    pub fn find(&self, email: &Email) -> Option<&Person> {
        self.place_of(email).map(|place| &self.0[place])
    }

    pub(super) fn place_of(&self, email: &Email) -> Option<usize> {
        let found = self.0.binary_search_by(|person| person.email.cmp(email));
        found.ok()
    }

    /// All but this person.
    pub(crate) fn without(self, email: &Email) -> Self {
        match self.place_of(email) {
            Some(_) => self
                .iter()
                .filter(|it| it.email != *email)
                .cloned()
                .collect(),
            None => self,
        }
    }

    /// The same people, without roles and permissions.
    pub(crate) fn without_privileges(self) -> Self {
        if !self.iter().any(Person::has_privileges) {
            return self;
        }
        let none = Privileges::default().shared();
        let people = self.iter().map(|person| Person {
            privileges: Arc::clone(&none),
            ..person.clone()
        });
        people.collect()
    }

    /// All people, in order of email.
    pub fn iter(&self) -> std::slice::Iter<'_, Person> {
        self.0.iter()
    }

    /// The number of people.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::ops::Index<usize> for People {
    type Output = Person;

    /// By index in the order of emails.
    fn index(&self, place: usize) -> &Person {
        &self.0[place]
    }
}

impl FromIterator<Person> for People {
    /// Omits Heroku's pseudo-users (`…@herokumanager.com`, the owners of team apps) and merges
    /// the entries with the same email.
    fn from_iter<I: IntoIterator<Item = Person>>(people: I) -> Self {
        let mut people: Vec<_> = people
            .into_iter()
            .filter(|person| !person.email.is_pseudo_user())
            .collect();
        people.sort_by(|a, b| a.email.cmp(&b.email));
        people.dedup_by(|next, kept| {
            let same = next.email == kept.email;
            if same {
                *kept = kept.merge(next);
            }
            same
        });
        Self(people.into())
    }
}

impl From<Vec<Person>> for People {
    fn from(people: Vec<Person>) -> Self {
        people.into_iter().collect()
    }
}

impl From<People> for Vec<Person> {
    fn from(people: People) -> Self {
        people.0.to_vec()
    }
}

impl<'a> IntoIterator for &'a People {
    type Item = &'a Person;
    type IntoIter = std::slice::Iter<'a, Person>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
