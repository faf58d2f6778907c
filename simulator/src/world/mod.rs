//! The simulated world: users, teams, apps and add-ons.

mod addons;
mod people;
mod records;
mod register;

use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use self::addons::AddOns;
pub(crate) use self::people::People;
pub(crate) use self::records::{
    ALL_PERMISSIONS, AddOnRecord, AppRecord, Attachment, ListEntry, Owner, Presence, TeamRecord,
    put_entry, remove_entry,
};
pub(crate) use self::register::Register;

/// The parts of the world, and the names that its objects are shown with.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) slug: String,
    /// The URL of the dashboard, without a path.
    pub(crate) dashboard_url: String,
    /// The id of the add-on service, the product that the slug names.
    pub(crate) service_id: Uuid,
    pub(crate) people: People,
    pub(crate) teams: Register<TeamRecord>,
    pub(crate) apps: Register<AppRecord>,
    pub(crate) addons: AddOns,
}

impl World {
    pub(crate) fn new(slug: String, dashboard_url: String) -> Self {
        Self {
            slug,
            dashboard_url,
            service_id: Uuid::new_v4(),
            people: People::default(),
            teams: Register::default(),
            apps: Register::default(),
            addons: AddOns::default(),
        }
    }

    pub(crate) fn team_of(&self, app: &AppRecord) -> Option<&TeamRecord> {
        match app.owner {
            Owner::Person { .. } => None,
            Owner::Team(team) => self.teams.get(team),
        }
    }

    /// The account that owns an app, and its address.
    pub(crate) fn owner_of(&self, app: &AppRecord) -> (Uuid, String) {
        match &app.owner {
            Owner::Person { user, email } => (*user, email.clone()),
            Owner::Team(id) => {
                let team = self.teams.known(*id);
                (team.manager, team.manager_email())
            }
        }
    }

    /// Adds another add-on to the app, with this id.
    pub(crate) fn add_addon(&mut self, id: Uuid, app: Uuid, now: OffsetDateTime) {
        self.addons.add(id, app, &self.slug, now);
    }

    /// The current add-on of an app, created if there is none.
    pub(crate) fn addon_on(&mut self, app: Uuid, now: OffsetDateTime) -> Uuid {
        if let Some(addon) = self.addons.first_of_app(app) {
            return addon.id;
        }
        let id = Uuid::new_v4();
        self.add_addon(id, app, now);
        id
    }

    /// Gives the account of a user another address, on all lists.
    pub(crate) fn change_email(&mut self, from: &str, to: &str, now: OffsetDateTime) {
        let account = self.people.account(from);
        self.people.move_account(account, to);
        for app in self.apps.iter_mut() {
            if let Owner::Person { user, email } = &mut app.owner
                && *user == account
            {
                to.clone_into(email);
            }
        }
        let lists = self.apps.iter_mut().map(|app| &mut app.collaborators);
        let lists = lists.chain(self.teams.iter_mut().map(|team| &mut team.members));
        for entry in lists.flatten().filter(|entry| entry.user == account) {
            to.clone_into(&mut entry.email);
            entry.updated_at = now;
        }
    }
}
