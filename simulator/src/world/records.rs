//! The records of the simulated world.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use uuid::Uuid;

use super::register::Named;

#[derive(Clone, Debug)]
pub(crate) struct TeamRecord {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// The service account that owns the team's apps.
    pub(crate) manager: Uuid,
    pub(crate) members: Vec<ListEntry>,
}

impl TeamRecord {
    pub(crate) fn manager_email(&self) -> String {
        format!("{}@herokumanager.com", self.name)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct AppRecord {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) owner: Owner,
    /// The id of the owner's own entry in the list of collaborators.
    pub(crate) owner_entry: Uuid,
    pub(crate) collaborators: Vec<ListEntry>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub(crate) enum Owner {
    Person { user: Uuid, email: String },
    Team(Uuid),
}

/// A user's entry in a list of collaborators or team members.
#[derive(Clone, Debug)]
pub(crate) struct ListEntry {
    pub(crate) id: Uuid,
    pub(crate) user: Uuid,
    pub(crate) email: String,
    pub(crate) role: String,
    pub(crate) permissions: Vec<String>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

impl ListEntry {
    pub(crate) fn has_same_rights_as(&self, other: &Self) -> bool {
        self.role == other.role && self.permissions == other.permissions
    }
}

#[derive(Clone, Debug)]
pub(crate) struct AddOnRecord {
    pub(crate) id: Uuid,
    /// The number of earlier add-ons.
    pub(crate) place: usize,
    pub(crate) name: String,
    /// The app that it is billed to.
    pub(crate) app: Uuid,
    /// The attachment of the billed app is among them.
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) plan: String,
    pub(crate) plan_id: Uuid,
    pub(crate) provider_id: String,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) log_drain_url: Option<String>,
    pub(crate) presence: Presence,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

impl AddOnRecord {
    pub(crate) fn is_attached_to(&self, app: Uuid) -> bool {
        self.attachments.iter().any(|it| it.app == app)
    }
}

/// The use of an add-on by an app.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) id: Uuid,
    pub(crate) app: Uuid,
    pub(crate) created_at: OffsetDateTime,
}

impl Attachment {
    pub(crate) fn new(app: Uuid, now: OffsetDateTime) -> Self {
        Self {
            id: Uuid::new_v4(),
            app,
            created_at: now,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Presence {
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
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Provisioned => "provisioned",
            // Not in Heroku's schema, but its command line knows it.
            Self::Deprovisioning => "deprovisioning",
            Self::Removed | Self::Gone => "deprovisioned",
        }
    }

    pub(crate) fn is_present(self) -> bool {
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
pub(crate) fn put_entry(list: &mut Vec<ListEntry>, entry: ListEntry) {
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
pub(crate) fn remove_entry(list: &mut Vec<ListEntry>, email: &str) {
    list.retain(|entry| !entry.email.eq_ignore_ascii_case(email));
}

/// The default permissions of a collaborator.
pub(crate) const ALL_PERMISSIONS: [&str; 4] = ["view", "deploy", "operate", "manage"];
