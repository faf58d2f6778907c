//! The people on one of Heroku's lists, with their roles and permissions.

mod email;
mod packed;
mod permission;
mod privileges;
mod role;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use packed::Packed;

pub use email::Email;
pub use permission::Permission;
#[doc(hidden)]
// Shared with the gate, as the methods of `People` that name it; not part of the API.
pub use privileges::Privileges;
pub use role::{Role, Roles};

/// The Heroku account of an email on a list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Account {
    /// The list names no account.
    Unknown,
    /// The account.
    Known(UserId),
    /// Two entries with one email name two accounts. Such an entry admits no user.
    Disputed,
}

impl Account {
    /// The account according to two lists.
    #[doc(hidden)]
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, account) | (account, Self::Unknown) => account,
            (Self::Known(a), Self::Known(b)) if a == b => Self::Known(a),
            _ => Self::Disputed,
        }
    }

    /// The account, if it is known and undisputed.
    pub fn known(self) -> Option<UserId> {
        match self {
            Self::Known(id) => Some(id),
            Self::Unknown | Self::Disputed => None,
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
    #[doc(hidden)]
    pub privileges: Arc<Privileges>,
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

    fn has_privileges(&self) -> bool {
        *self.privileges != Privileges::default()
    }

    fn merge(&self, other: &Self) -> Self {
        Self {
            email: self.email.clone(),
            account: self.account.clone().merge(other.account.clone()),
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
///
/// In memory, a person nearly always takes the bytes of the email and 23 more. A domain that most of them share
/// is stored once.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "Vec<Person>", into = "Vec<Person>")]
pub struct People(Option<Arc<Packed>>);

impl People {
    /// The person with this email.
    pub fn find(&self, email: &Email) -> Option<Person> {
        let place = self.place_of(email.as_str())?;
        Some(self.person(place))
    }

    /// All but this person.
    #[must_use]
    pub fn without(self, email: &Email) -> Self {
        match self.place_of(email.as_str()) {
            Some(_) => self.iter().filter(|it| it.email != *email).collect(),
            None => self,
        }
    }

    /// All people, in order of email.
    pub fn iter(&self) -> impl Iterator<Item = Person> + '_ {
        (0..self.len()).map(|place| self.person(place))
    }

    /// The number of people.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |packed| packed.len())
    }

    /// True if the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The same people, without roles and permissions.
    #[doc(hidden)]
    #[must_use]
    pub fn without_privileges(self) -> Self {
        if !self.iter().any(|person| person.has_privileges()) {
            return self;
        }
        let none = Privileges::default().shared();
        let people = self.iter().map(|person| Person {
            privileges: Arc::clone(&none),
            ..person
        });
        people.collect()
    }

    /// The place of an email in the order of emails. Without an allocation.
    #[doc(hidden)]
    pub fn place_of(&self, email: &str) -> Option<usize> {
        self.0.as_ref()?.find(email)
    }

    /// The places of the people who are on both lists: on this one, in order, and on the other one.
    #[doc(hidden)]
    pub fn on_both(&self, other: &Self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.len()).filter_map(|place| {
            let email = self.packed().email(place);
            Some((place, other.place_of(email.as_str())?))
        })
    }

    /// Without an allocation.
    #[doc(hidden)]
    pub fn account(&self, place: usize) -> Account {
        self.packed().account(place)
    }

    #[doc(hidden)]
    pub fn privileges(&self, place: usize) -> &Arc<Privileges> {
        self.packed().privileges(place)
    }

    fn person(&self, place: usize) -> Person {
        Person {
            email: self.packed().email(place),
            account: self.account(place),
            privileges: Arc::clone(self.privileges(place)),
        }
    }

    fn packed(&self) -> &Packed {
        self.0.as_ref().expect("the place is of this list")
    }
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
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
        Self((!people.is_empty()).then(|| Arc::new(Packed::new(people))))
    }
}

impl From<Vec<Person>> for People {
    fn from(people: Vec<Person>) -> Self {
        people.into_iter().collect()
    }
}

impl From<People> for Vec<Person> {
    fn from(people: People) -> Self {
        people.iter().collect()
    }
}
