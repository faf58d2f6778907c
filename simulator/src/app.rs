//! An app of the simulated Heroku.

use time::OffsetDateTime;
use uuid::Uuid;

use super::records::{ALL_PERMISSIONS, Owner};
use super::state::State;
use super::{AddOn, Simulator, Team};

/// The handle of an app. It refers to the app by id, so it stays valid after a rename.
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
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The app's current name.
    pub fn name(&self) -> String {
        let state = self.simulator.shared.state();
        let app = state.app(self.id).expect("apps are never deleted");
        app.name.clone()
    }

    /// Gives the app to a team: its service account becomes the owner.
    pub fn owned_by_team(&self, team: &Team) -> Self {
        self.change(|state, now| state.give_app(self.id, Owner::Team(team.id), now))
    }

    /// Gives the app to a user.
    pub fn owner(&self, email: &str) -> Self {
        self.change(|state, now| {
            let user = state.user(email);
            let email = email.to_owned();
            state.give_app(self.id, Owner::Person { user, email }, now);
        })
    }

    /// Adds a user to the app's list with the role `collaborator` and all permissions.
    pub fn collaborator(&self, email: &str) -> Self {
        self.collaborator_as(email, "collaborator", &ALL_PERMISSIONS)
    }

    /// Adds a user to the app's list, or changes their role and permissions (`view`, `deploy`,
    /// `operate`, `manage`). The list of the app's team stays unchanged.
    pub fn collaborator_as(&self, email: &str, role: &str, permissions: &[&str]) -> Self {
        self.change(|state, now| state.put_collaborator(self.id, email, role, permissions, now))
    }

    /// Removes a user from the app's list. The owner stays, and so does the list of the team.
    pub fn remove(&self, email: &str) -> Self {
        self.change(|state, now| state.remove_collaborator(self.id, email, now))
    }

    /// Gives the app another name; its id stays.
    pub fn rename(&self, name: &str) -> Self {
        self.change(|state, now| state.rename_app(self.id, name, now))
    }

    /// The add-on of this app, created if it has none (then on the plan `basic`, and unknown to the
    /// partner until it is [provisioned](AddOn::provision)).
    pub fn addon(&self) -> AddOn {
        let now = self.simulator.shared.now();
        let id = self.simulator.shared.state().addon_on(self.id, now);
        AddOn::new(&self.simulator, id)
    }

    /// A new add-on of this app, with this resource id. It is for add-ons whose tests have fixed ids.
    ///
    /// # Panics
    /// If there is an add-on with this id already.
    pub fn addon_with_id(&self, id: Uuid) -> AddOn {
        let now = self.simulator.shared.now();
        let mut state = self.simulator.shared.state();
        assert!(state.addon(id).is_none(), "there is an add-on {id} already");
        state.add_addon(id, self.id, now);
        drop(state);
        AddOn::new(&self.simulator, id)
    }

    fn change(&self, change: impl FnOnce(&mut State, OffsetDateTime)) -> Self {
        let now = self.simulator.shared.now();
        change(&mut self.simulator.shared.state(), now);
        self.clone()
    }
}
