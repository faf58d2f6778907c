//! The simulated world: teams, apps, add-ons and people, behind one lock.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use uuid::Uuid;

use super::calls::CallLog;
use super::fault::FaultSwitches;
use super::oauth::Authorizations;

#[derive(Debug)]
pub(super) struct State {
    pub(super) partner_url: String,
    pub(super) page_size: usize,
    pub(super) rotate_refresh_tokens: bool,
    /// Everyone ever named, by address in lower case.
    pub(super) people: BTreeMap<String, Uuid>,
    pub(super) plans: BTreeMap<String, Uuid>,
    pub(super) service_id: Uuid,
    pub(super) teams: Vec<TeamRecord>,
    pub(super) apps: Vec<AppRecord>,
    pub(super) addons: Vec<AddOnRecord>,
    pub(super) authorizations: Authorizations,
    pub(super) faults: FaultSwitches,
    pub(super) log: CallLog,
    /// What the dashboard says once, about the last thing that was done there.
    pub(super) notice: Option<String>,
}

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

/// A person's entry in a list of collaborators or team members.
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

#[derive(Clone, Debug)]
pub(super) struct AddOnRecord {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) app: Uuid,
    pub(super) plan: String,
    pub(super) provider_id: String,
    pub(super) presence: Presence,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Presence {
    /// Heroku has it, the partner has not said yes yet.
    Provisioning,
    Provisioned,
    /// Answered with 404.
    Removed,
    /// Answered with 410.
    Gone,
}

impl Presence {
    pub(super) fn is_present(self) -> bool {
        matches!(self, Presence::Provisioning | Presence::Provisioned)
    }
}

impl State {
    /// The account of a person, made up when first asked for.
    pub(super) fn user(&mut self, email: &str) -> Uuid {
        let key = email.to_ascii_lowercase();
        *self.people.entry(key).or_insert_with(Uuid::new_v4)
    }

    pub(super) fn email_of(&self, user: Uuid) -> Option<&str> {
        let mut people = self.people.iter();
        people
            .find(|(_, id)| **id == user)
            .map(|(email, _)| &**email)
    }

    pub(super) fn team(&self, id: Uuid) -> Option<&TeamRecord> {
        self.teams.iter().find(|team| team.id == id)
    }

    pub(super) fn app(&self, id: Uuid) -> Option<&AppRecord> {
        self.apps.iter().find(|app| app.id == id)
    }

    pub(super) fn team_of(&self, app: &AppRecord) -> Option<&TeamRecord> {
        match app.owner {
            Owner::Person { .. } => None,
            Owner::Team(team) => self.team(team),
        }
    }

    pub(super) fn addon(&self, id: Uuid) -> Option<&AddOnRecord> {
        self.addons.iter().find(|addon| addon.id == id)
    }

    /// The add-on that an app has now.
    pub(super) fn addon_of(&self, app: Uuid) -> Option<&AddOnRecord> {
        let mut addons = self.addons.iter();
        addons.find(|addon| addon.app == app && addon.presence.is_present())
    }

    /// The add-on that an app has now, created if there is none.
    pub(super) fn addon_on(&mut self, app: Uuid, slug: &str, now: OffsetDateTime) -> Uuid {
        if let Some(addon) = self.addon_of(app) {
            return addon.id;
        }
        let id = Uuid::new_v4();
        let number = id.as_fields().0 % 100_000;
        self.addons.push(AddOnRecord {
            id,
            name: format!("{slug}-{number:05}"),
            app,
            plan: "basic".into(),
            provider_id: id.to_string(),
            presence: Presence::Provisioning,
            created_at: now,
            updated_at: now,
        });
        id
    }

    /// A new entry for a list of people.
    pub(super) fn standing(
        &mut self,
        email: &str,
        role: &str,
        permissions: &[&str],
        now: OffsetDateTime,
    ) -> Standing {
        Standing {
            id: Uuid::new_v4(),
            user: self.user(email),
            email: email.to_owned(),
            role: role.to_owned(),
            permissions: permissions.iter().map(|&name| name.to_owned()).collect(),
            created_at: now,
            updated_at: now,
        }
    }

    pub(super) fn plan_id(&mut self, plan: &str) -> Uuid {
        let plan = plan.to_owned();
        *self.plans.entry(plan).or_insert_with(Uuid::new_v4)
    }
}

/// Adds a person to a list, or changes the role of one who is on it.
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

/// Takes a person off a list, if they are on it.
pub(super) fn remove_standing(list: &mut Vec<Standing>, email: &str) {
    list.retain(|entry| !entry.email.eq_ignore_ascii_case(email));
}

/// What a collaborator may do unless it is said otherwise.
pub(super) const ALL_PERMISSIONS: [&str; 4] = ["view", "deploy", "operate", "manage"];
