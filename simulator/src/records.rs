//! The records of the simulated world.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use uuid::Uuid;

use super::register::Named;

#[derive(Clone, Debug)]
pub(super) struct TeamRecord {
    pub(super) id: Uuid,
    pub(super) name: String,
    /// The service account that owns the team's apps.
    pub(super) manager: Uuid,
    pub(super) members: Vec<Standing>,
}

impl TeamRecord {
    pub(super) fn manager_email(&self) -> String {
        format!("{}@herokumanager.com", self.name)
    }
}

#[derive(Clone, Debug)]
pub(super) struct AppRecord {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) owner: Owner,
    /// The id of the owner's own entry in the list of collaborators.
    pub(super) owner_entry: Uuid,
    pub(super) collaborators: Vec<Standing>,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub(super) enum Owner {
    Person { user: Uuid, email: String },
    Team(Uuid),
}

/// A user's entry in a list of collaborators or team members.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) id: Uuid,
    pub(super) user: Uuid,
    pub(super) email: String,
    pub(super) role: String,
    pub(super) permissions: Vec<String>,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
}

impl Standing {
    pub(super) fn may_as_much_as(&self, other: &Self) -> bool {
        self.role == other.role && self.permissions == other.permissions
    }
}

#[derive(Clone, Debug)]
pub(super) struct AddOnRecord {
    pub(super) id: Uuid,
    /// The number of earlier add-ons.
    pub(super) place: usize,
    pub(super) name: String,
    /// The app that it is billed to.
    pub(super) app: Uuid,
    /// The attachment of the billed app is among them.
    pub(super) attachments: Vec<Attachment>,
    pub(super) plan: String,
    pub(super) plan_id: Uuid,
    pub(super) provider_id: String,
    pub(super) config: BTreeMap<String, String>,
    pub(super) log_drain_url: Option<String>,
    pub(super) presence: Presence,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
}

/// The use of an add-on by an app.
#[derive(Clone, Debug)]
pub(super) struct Attachment {
    pub(super) id: Uuid,
    pub(super) app: Uuid,
    pub(super) created_at: OffsetDateTime,
}

impl Attachment {
    pub(super) fn new(app: Uuid, now: OffsetDateTime) -> Self {
        Self {
            id: Uuid::new_v4(),
            app,
            created_at: now,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Presence {
    /// Heroku has the add-on, the partner has not confirmed it yet.
    Provisioning,
    Provisioned,
    /// The partner has answered 202 to the deprovisioning.
    Deprovisioning,
    /// Answered with 404.
    Removed,
    /// Answered with 410.
    Gone,
}

impl Presence {
    /// The state as the API shows it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Provisioned => "provisioned",
            // Not in Heroku's schema, but its command line knows it.
            Self::Deprovisioning => "deprovisioning",
            Self::Removed | Self::Gone => "deprovisioned",
        }
    }

    pub(super) fn is_present(self) -> bool {
        !matches!(self, Presence::Removed | Presence::Gone)
    }
}

macro_rules! named {
    ($($record:ty),*) => {$(
        impl Named for $record {
            fn id(&self) -> Uuid {
                self.id
            }
            fn name(&self) -> &str {
                &self.name
            }
            fn set_name(&mut self, name: &str) {
                name.clone_into(&mut self.name);
            }
        }
    )*};
}
named!(TeamRecord, AppRecord, AddOnRecord);

/// Adds a user to a list, or changes the role of a user who is on it.
pub(super) fn put_standing(list: &mut Vec<Standing>, entry: Standing) {
    match list.iter_mut().find(|known| known.user == entry.user) {
        Some(known) => {
            known.role = entry.role;
            known.permissions = entry.permissions;
            known.updated_at = entry.updated_at;
        }
        None => list.push(entry),
    }
}

/// Removes a user from a list, if they are on it.
pub(super) fn remove_standing(list: &mut Vec<Standing>, email: &str) {
    list.retain(|entry| !entry.email.eq_ignore_ascii_case(email));
}

/// The default permissions of a collaborator.
pub(super) const ALL_PERMISSIONS: [&str; 4] = ["view", "deploy", "operate", "manage"];
