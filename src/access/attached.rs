//! The people of the apps that an add-on is attached to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::People;
use crate::ids::AppId;

/// The people of the apps that an add-on is attached to, without those of the app that owns it. Heroku is
/// asked for them less often than for the rest of the list.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AttachedPeople {
    /// The collaborators of all these apps. Their roles and permissions there do not apply to the add-on.
    pub people: People,
    /// The apps that have people.
    pub apps: Vec<AppId>,
    /// The number of attached apps whose people are unknown: Heroku does not list them, or there are too many
    /// apps.
    pub skipped: usize,
    /// The sequence number that was drawn before Heroku was asked.
    pub(crate) sequence: i64,
    /// How long before the rest of the list Heroku was asked.
    pub(crate) asked_before: Duration,
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
