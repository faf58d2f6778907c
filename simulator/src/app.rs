//! An app of the simulated Heroku.

use uuid::Uuid;

use super::changes::Changes;
use super::world::{ALL_PERMISSIONS, Owner};
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
        state.world.apps.known(self.id).name.clone()
    }

    /// Gives the app to a team: its service account becomes the owner.
    pub fn owned_by_team(&self, team: &Team) -> Self {
        self.change(|changes| changes.give_app(self.id, Owner::Team(team.id)))
    }

    /// Gives the app to a user.
    pub fn owner(&self, email: &str) -> Self {
        let user = self.simulator.accounts().id(email);
        let email = email.to_owned();
        self.change(|changes| changes.give_app(self.id, Owner::Person { user, email }))
    }

    /// Adds a user to the app's list with the role `collaborator` and all permissions.
    pub fn collaborator(&self, email: &str) -> Self {
        self.collaborator_as(email, "collaborator", &ALL_PERMISSIONS)
    }

    /// Adds a user to the app's list, or changes their role and permissions (`view`, `deploy`,
    /// `operate`, `manage`). The list of the app's team stays unchanged.
    pub fn collaborator_as(&self, email: &str, role: &str, permissions: &[&str]) -> Self {
        self.change(|changes| changes.put_collaborator(self.id, email, role, permissions))
    }

    /// Removes a user from the app's list. The owner stays, and so does the list of the team.
    pub fn remove(&self, email: &str) -> Self {
        self.change(|changes| changes.remove_collaborator(self.id, email))
    }

    /// Gives the app another name; its id stays.
    pub fn rename(&self, name: &str) -> Self {
        self.change(|changes| changes.rename_app(self.id, name))
    }

    /// Attaches an add-on of another app, which this app then uses too. It stays on its own app.
    pub fn attach(&self, addon: &AddOn) -> Self {
        self.change(|changes| changes.attach(addon.id, self.id))
    }

    /// Detaches an add-on of another app.
    pub fn detach(&self, addon: &AddOn) -> Self {
        self.change(|changes| changes.detach(addon.id, self.id))
    }

    /// The oldest add-on of this app that was not removed. If there is none, it is created, on the plan
    /// `basic`, and is unknown to the partner until it is [provisioned](AddOn::provision).
    pub fn addon(&self) -> AddOn {
        let now = self.simulator.shared.now();
        let id = self.simulator.shared.state().world.addon_on(self.id, now);
        AddOn::new(&self.simulator, id)
    }

    /// A new add-on of this app, with this resource id, for tests with fixed ids.
    ///
    /// # Panics
    /// If there is an add-on with this id already.
    pub fn addon_with_id(&self, id: Uuid) -> AddOn {
        let now = self.simulator.shared.now();
        let world = &mut self.simulator.shared.state().world;
        let is_new = world.addons.get(id).is_none();
        assert!(is_new, "there is an add-on {id} already");
        world.add_addon(id, self.id, now);
        AddOn::new(&self.simulator, id)
    }

    fn change(&self, change: impl FnOnce(&mut Changes<'_>)) -> Self {
        let now = self.simulator.shared.now();
        change(&mut self.simulator.shared.state().changes(now));
        self.clone()
    }
}
