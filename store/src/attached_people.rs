//! The people of the apps that an add-on is attached to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::AppId;
use crate::people::People;

/// The people of the apps that an add-on is attached to, without those of the app that owns it. Heroku is
/// asked for them less often than for the rest of the list.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AttachedPeople {
    /// The collaborators of all these apps. Their roles and permissions there do not apply to the add-on.
    pub people: People,
    /// The apps that have people.
    pub apps: Vec<AppId>,
    /// The number of attached apps whose people Heroku does not list.
    pub skipped: usize,
    /// The number of attached apps whose people were not asked for, because there are too many apps.
    #[serde(default)]
    pub left_out: usize,
    /// The app that owned the add-on when Heroku was asked. None if it is the one of the list.
    #[serde(default)]
    #[doc(hidden)]
    pub owner: Option<AppId>,
    /// The calls to Heroku that it took.
    #[serde(default)]
    #[doc(hidden)]
    pub calls: u32,
    /// The sequence number that was drawn before Heroku was asked.
    #[doc(hidden)]
    pub sequence: i64,
    /// How long before the rest of the list Heroku was asked.
    #[doc(hidden)]
    pub asked_before: Duration,
}

impl AttachedPeople {
    /// The people of these apps, asked for together with the rest of the list.
    pub fn new(people: People, apps: Vec<AppId>) -> Self {
        Self {
            people,
            apps,
            ..Self::default()
        }
    }
}
