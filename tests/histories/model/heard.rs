//! Heroku's answers in one step, from the simulator's log.

use heroku_addon_simulator::{Endpoint, Simulator};

use crate::model::reference::{Check, Heroku};

#[derive(Debug, Default)]
pub struct Heard {
    pub calls: usize,
    /// A call was rejected with 429.
    pub limited: bool,
    pub told_it_is_gone: bool,
    /// At most this many.
    pub absences: usize,
    own: bool,
    asked_members: bool,
    members: bool,
    fetches: usize,
}

impl Heard {
    pub fn from_log(simulator: &Simulator, heroku: &Heroku) -> Self {
        let answered = |endpoint, status| simulator.calls().count_answered(endpoint, status) > 0;
        // A 304 has no body that a fault could corrupt.
        let whole = |endpoint| {
            answered(endpoint, 304) || (answered(endpoint, 200) && !heroku.fails(endpoint))
        };
        let own = [Endpoint::AddOn, Endpoint::App, Endpoint::Collaborators];
        Self {
            calls: simulator.calls().count(Endpoint::Any),
            limited: answered(Endpoint::Any, 429),
            told_it_is_gone: simulator.calls().count_answered(Endpoint::AddOn, 404) > 1
                || answered(Endpoint::AddOn, 410),
            absences: simulator.calls().count_answered(Endpoint::AddOn, 404)
                + simulator.calls().count_answered(Endpoint::AddOn, 410),
            own: own.into_iter().all(whole),
            asked_members: simulator.calls().count(Endpoint::TeamMembers) > 0,
            members: whole(Endpoint::TeamMembers),
            fetches: simulator.calls().count(Endpoint::AddOn),
        }
    }

    pub fn asked_for_members(&self) -> bool {
        self.asked_members
    }

    pub fn told_members(&self) -> bool {
        self.members
    }

    /// The resource's own part counts only if no call of the same fetch failed. Of two fetches for one
    /// request, the first did not request the members, as they were young enough.
    pub fn told_own(&self) -> bool {
        let by_the_first = self.fetches > 1;
        let along = !self.asked_members || self.members || by_the_first;
        self.own && along && !self.told_it_is_gone
    }

    pub fn nothing(&self) -> Check {
        match self.calls {
            0 => Ok(()),
            calls => Err(format!("{calls} calls to Heroku for nothing")),
        }
    }
}
