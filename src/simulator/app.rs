//! An app of the simulated Heroku.

use uuid::Uuid;

use super::state::{ALL_PERMISSIONS, AppRecord, Owner, put_standing, remove_standing};
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
        self.collaborator_as(email, "collaborator", &ALL_PERMISSIONS)
    }

    /// Puts a person on the app's list, or changes their role and permissions (`view`, `deploy`,
    /// `operate`, `manage`). The list of the app's team is left as it is.
    pub fn collaborator_as(&self, email: &str, role: &str, permissions: &[&str]) -> Self {
        let now = self.simulator.shared.now();
        let entry = {
            let mut state = self.simulator.shared.state();
            state.standing(email, role, permissions, now)
        };
        self.change(|app| put_standing(&mut app.collaborators, entry))
    }

    /// Takes a person off the app's list. The owner stays, and so does the list of the team.
    pub fn remove(&self, email: &str) -> Self {
        self.change(|app| remove_standing(&mut app.collaborators, email))
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
        let id = state.addon_on(self.id, &self.simulator.shared.slug, now);
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
