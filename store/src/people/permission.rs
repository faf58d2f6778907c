//! Permissions on an app, as Heroku names them.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A permission on an app of a team. Heroku gives it to a collaborator; a user who has access as a member of
/// the team alone has none on the list. Open: Heroku may add permissions without notice. Source:
/// <https://devcenter.heroku.com/articles/app-permissions>.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Permission {
    /// Sees the app.
    View,
    /// Deploys code.
    Deploy,
    /// Operates the app: its processes, config and add-ons.
    Operate,
    /// Manages the app, and who has access to it.
    Manage,
    /// A permission that this version does not know, as Heroku wrote it.
    Other(Box<str>),
}

impl Permission {
    /// The permission's name as Heroku writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::View => "view",
            Self::Deploy => "deploy",
            Self::Operate => "operate",
            Self::Manage => "manage",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&str> for Permission {
    fn from(name: &str) -> Self {
        match name {
            "view" => Self::View,
            "deploy" => Self::Deploy,
            "operate" => Self::Operate,
            "manage" => Self::Manage,
            other => Self::Other(other.into()),
        }
    }
}

impl FromStr for Permission {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(name.into())
    }
}

impl From<String> for Permission {
    fn from(name: String) -> Self {
        name.as_str().into()
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.as_str().into()
    }
}
