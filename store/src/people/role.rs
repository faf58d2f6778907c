//! Roles, as Heroku names them.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// A role on an app or in a team. Open: Heroku may add roles without notice.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Role {
    /// Owns the app.
    Owner,
    /// Administers the app or the team.
    Admin,
    /// A member of the team.
    Member,
    /// A member of the team with read access only.
    Viewer,
    /// Added to the app alone. In a team list: added to some app of the team, perhaps another one.
    Collaborator,
    /// A role that this version does not know, as Heroku wrote it.
    Other(Box<str>),
}

impl Role {
    /// The role's name as Heroku writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
            Self::Collaborator => "collaborator",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&str> for Role {
    fn from(name: &str) -> Self {
        match name {
            "owner" => Self::Owner,
            "admin" => Self::Admin,
            "member" => Self::Member,
            "viewer" => Self::Viewer,
            "collaborator" => Self::Collaborator,
            other => Self::Other(other.into()),
        }
    }
}

impl FromStr for Role {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(name.into())
    }
}

impl From<String> for Role {
    fn from(name: String) -> Self {
        name.as_str().into()
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.as_str().into()
    }
}

/// A set of roles, without duplicates, in the order of [`Role`].
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Roles(Box<[Role]>);

impl Roles {
    /// The empty set.
    #[doc(hidden)]
    pub fn none() -> &'static Self {
        static NONE: LazyLock<Roles> = LazyLock::new(Roles::default);
        &NONE
    }

    /// True if `role` is in the set.
    pub fn contains(&self, role: &Role) -> bool {
        self.0.contains(role)
    }

    /// True if one of `roles` is in the set.
    pub fn contains_any(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.contains(role))
    }

    /// The roles, in the order of [`Role`].
    pub fn iter(&self) -> std::slice::Iter<'_, Role> {
        self.0.iter()
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        self.iter().chain(other).cloned().collect()
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        let mut roles: Vec<_> = roles.into_iter().collect();
        roles.sort();
        roles.dedup();
        Self(roles.into())
    }
}

impl<'a> IntoIterator for &'a Roles {
    type Item = &'a Role;
    type IntoIter = std::slice::Iter<'a, Role>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
