//! An app of the simulated Heroku.

use uuid::Uuid;

use super::state::{AddOnRecord, AppRecord, Owner, Presence, Standing, put_standing};
use super::{AddOn, Simulator, Team};
use crate::ids::AppId;

/// The handle of an app. Holds by id: a rename does not matter.
#[derive(Clone, Debug)]
pub struct App {
    pub(super) simulator: Simulator,
    pub(super) id: Uuid,
}

impl App {
    pub(super) fn new(simulator: &Simulator, id: Uuid) -> Self {
        let simulator = simulator.clone();
        Self { simulator, id }
    }

    /// The id in API paths.
    pub fn id(&self) -> AppId {
        self.id.to_string().parse().expect("a UUID is an app id")
    }

    /// The app's name at the moment.
    pub fn name(&self) -> String {
        self.with(|app| app.name.clone())
    }

    /// Gives the app to a team: its service account becomes the owner.
    pub fn owned_by_team(&self, team: &Team) -> Self {
        self.change(|app| app.owner = Owner::Team(team.id))
    }

    /// Gives the app to a person.
    pub fn owner(&self, email: &str) -> Self {
        let user = self.simulator.shared.state().user(email);
        let email = email.to_owned();
        self.change(|app| app.owner = Owner::Person { user, email })
    }

    /// Puts a person on the app's list with the role `collaborator` and all permissions.
    pub fn collaborator(&self, email: &str) -> Self {
        let all = ["view", "deploy", "operate", "manage"];
        self.collaborator_as(email, "collaborator", &all)
    }

    /// Puts a person on the app's list, or changes their role and permissions (`view`, `deploy`,
    /// `operate`, `manage`). The list of the app's team is left as it is.
    pub fn collaborator_as(&self, email: &str, role: &str, permissions: &[&str]) -> Self {
        let now = self.simulator.shared.now();
        let user = self.simulator.shared.state().user(email);
        let entry = Standing {
            id: Uuid::new_v4(),
            user,
            email: email.to_owned(),
            role: role.to_owned(),
            permissions: permissions.iter().map(|&name| name.to_owned()).collect(),
            created_at: now,
            updated_at: now,
        };
        self.change(|app| put_standing(&mut app.collaborators, entry))
    }

    /// Takes a person off the app's list. The owner stays, and so does the list of the team.
    pub fn remove(&self, email: &str) -> Self {
        let is_meant = |entry: &Standing| entry.email.eq_ignore_ascii_case(email);
        self.change(|app| app.collaborators.retain(|entry| !is_meant(entry)))
    }

    /// Gives the app another name; its id stays.
    pub fn rename(&self, name: &str) -> Self {
        self.change(|app| app.name = name.to_owned())
    }

    /// The add-on of this app, created if it has none (then on the plan `basic`, and unknown to the
    /// partner until it is [provisioned](AddOn::provision)).
    pub fn addon(&self) -> AddOn {
        let now = self.simulator.shared.now();
        let mut state = self.simulator.shared.state();
        let known = state.addon_of(self.id).map(|addon| addon.id);
        let id = known.unwrap_or_else(|| {
            let id = Uuid::new_v4();
            let number = u32::from_be_bytes(*id.as_bytes().first_chunk().expect("16 bytes"));
            state.addons.push(AddOnRecord {
                id,
                name: format!("{}-{:05}", self.simulator.shared.slug, number % 100_000),
                app: self.id,
                plan: "basic".into(),
                provider_id: id.to_string(),
                presence: Presence::Provisioning,
                created_at: now,
                updated_at: now,
            });
            id
        });
        AddOn::new(&self.simulator, id)
    }

    fn change(&self, change: impl FnOnce(&mut AppRecord)) -> Self {
        let now = self.simulator.shared.now();
        self.with(|app| {
            change(app);
            app.updated_at = now;
        });
        self.clone()
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut AppRecord) -> T) -> T {
        let mut state = self.simulator.shared.state();
        let app = state.apps.iter_mut().find(|app| app.id == self.id);
        use_it(app.expect("apps are never deleted"))
    }
}
