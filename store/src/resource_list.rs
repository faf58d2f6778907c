//! What Heroku says about one resource: its app, its team, the people of the app.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attached_people::AttachedPeople;
use crate::ids::{AppId, TeamId};
use crate::people::{Email, People};

/// The app that owns an add-on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct App {
    /// The id, which never changes.
    pub id: AppId,
    /// The name, which can change.
    pub name: String,
}

impl App {
    /// An app by id and name.
    pub fn new(id: AppId, name: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
        }
    }
}

/// The team that owns an app.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Team {
    /// The id, which never changes.
    pub id: TeamId,
    /// The name, which can change.
    pub name: String,
}

impl Team {
    /// A team by id and name.
    pub fn new(id: TeamId, name: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
        }
    }
}

/// Heroku's data of one resource, without the members of its team: those are fetched once for each team.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ResourceList {
    /// The add-on's name.
    pub addon_name: String,
    /// The app that owns the add-on.
    pub app: App,
    /// The team that owns the app. In memory, the lists of a team's apps share it.
    pub team: Option<Arc<Team>>,
    /// The URL of the add-on's Heroku page, which signs a user in. Text, because a parsed URL takes several
    /// times the memory.
    pub web_url: Option<Box<str>>,
    /// The app's collaborators.
    pub collaborators: People,
    /// The people of the apps that the add-on is attached to. None unless the gate is configured to include
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<AttachedPeople>,
}

impl ResourceList {
    /// The list of an add-on with this name, whose app has these collaborators.
    pub fn new(addon_name: impl Into<String>, app: App, collaborators: People) -> Self {
        Self {
            addon_name: addon_name.into(),
            app,
            team: None,
            web_url: None,
            collaborators,
            attached: None,
        }
    }

    /// The same for an app that belongs to a team.
    #[must_use]
    pub fn with_team(mut self, team: Team) -> Self {
        self.team = Some(Arc::new(team));
        self
    }

    /// The same with the people of attached apps.
    #[must_use]
    pub fn with_attached(mut self, attached: AttachedPeople) -> Self {
        self.attached = Some(attached);
        self
    }

    /// The same without this person.
    #[must_use]
    pub fn without(mut self, email: &Email) -> Self {
        self.collaborators = self.collaborators.without(email);
        if let Some(attached) = &mut self.attached {
            attached.people = std::mem::take(&mut attached.people).without(email);
        }
        self
    }
}
