//! A team of the simulated Heroku.

use uuid::Uuid;

use super::Simulator;
use super::world::{TeamRecord, put_entry, remove_entry};

/// The handle of a team.
#[derive(Clone, Debug)]
pub struct Team {
    pub(super) simulator: Simulator,
    pub(super) id: Uuid,
}

impl Team {
    pub(super) fn new(simulator: &Simulator, id: Uuid) -> Self {
        let simulator = simulator.clone();
        Self { simulator, id }
    }

    /// The id in API paths.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The team's name.
    pub fn name(&self) -> String {
        self.with(|team| team.name.clone())
    }

    /// Adds a user to the team, or changes their role: `admin`, `member`, `viewer`, or `collaborator` (at
    /// Heroku the role of every user of one of the team's apps).
    pub fn member(&self, email: &str, role: &str) -> Self {
        let now = self.simulator.shared.now();
        let entry = {
            let people = &mut self.simulator.shared.state().world.people;
            people.list_entry(email, role, &[], now)
        };
        self.with(|team| put_entry(&mut team.members, entry));
        self.clone()
    }

    /// Removes a user from the team. Nothing happens if they are not on it.
    pub fn remove(&self, email: &str) -> Self {
        self.with(|team| remove_entry(&mut team.members, email));
        self.clone()
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut TeamRecord) -> T) -> T {
        let mut state = self.simulator.shared.state();
        use_it(state.world.teams.known_mut(self.id))
    }
}
