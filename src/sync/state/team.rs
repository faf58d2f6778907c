//! The members of each team, which all of the team's resources share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use dashmap::DashMap;
use heroku_sso_store::{ResourceId, Team, TeamId};
use parking_lot::{Mutex, MutexGuard};

use super::as_of::AsOf;
use super::attempts::Attempts;
use super::entry::Entry;
use super::member_list::{Members, TeamList};
use crate::access::People;
use crate::clock::SharedClock;

/// All teams that registered resources belong to.
#[derive(Default)]
pub(in crate::sync) struct Teams(DashMap<TeamId, Arc<TeamEntry>>);

/// The state of one team.
pub(in crate::sync) struct TeamEntry {
    pub(in crate::sync) id: TeamId,
    /// When the sync fetches its members, as the queue counts time.
    pub(in crate::sync) scheduled: AtomicU64,
    state: Mutex<TeamState>,
}

pub(in crate::sync) struct TeamState {
    pub(in crate::sync) list: Option<Arc<TeamList>>,
    /// The team as the newest list of a resource has it.
    shared: Option<Arc<Team>>,
    pub(in crate::sync) attempts: Attempts,
    /// When Heroku last gave a list, or refused to.
    answered_at: Option<AsOf>,
    /// True if that last answer was a refusal.
    refused: bool,
    /// Its resources, by id.
    resources: Vec<Arc<Entry>>,
}

impl Teams {
    /// The team's entry, created if there is none.
    pub(in crate::sync) fn entry(&self, id: &TeamId) -> Arc<TeamEntry> {
        let fresh = || Arc::new(TeamEntry::new(id.clone()));
        Arc::clone(&self.0.entry(id.clone()).or_insert_with(fresh))
    }

    /// The team's entry, with this resource added to the team.
    pub(in crate::sync) fn join(&self, id: &TeamId, resource: &Arc<Entry>) -> Arc<TeamEntry> {
        let fresh = || Arc::new(TeamEntry::new(id.clone()));
        // Done under the lock of the map, so that the entry cannot be dropped in between.
        let slot = self.0.entry(id.clone()).or_insert_with(fresh);
        slot.state().add(resource);
        Arc::clone(&slot)
    }

    /// Removes the resource from the team, and drops the entry with its last resource.
    pub(in crate::sync) fn leave(&self, id: &TeamId, resource: &ResourceId) {
        self.0.remove_if(id, |_, team| {
            let mut state = team.state();
            state.remove(resource);
            state.resources.is_empty()
        });
    }

    /// Drops the entry of a team without resources, if nothing is known of its members.
    pub(in crate::sync) fn drop_unknown(&self, id: &TeamId) {
        self.0.remove_if(id, |_, team| {
            // A fetch in progress has a reference too.
            let is_unreferenced = Arc::strong_count(team) == 1;
            let state = team.state();
            is_unreferenced && state.resources.is_empty() && state.answered_at.is_none()
        });
    }

    pub(in crate::sync) fn known(&self, id: &TeamId) -> Option<Arc<TeamEntry>> {
        self.0.get(id).map(|team| Arc::clone(&team))
    }

    pub(in crate::sync) fn all(&self) -> Vec<Arc<TeamEntry>> {
        self.0.iter().map(|team| Arc::clone(&team)).collect()
    }
}

impl fmt::Debug for Teams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Teams({})", self.0.len())
    }
}

impl TeamEntry {
    fn new(id: TeamId) -> Self {
        Self {
            id,
            scheduled: AtomicU64::new(0),
            state: Mutex::new(TeamState {
                list: None,
                shared: None,
                attempts: Attempts::default(),
                answered_at: None,
                refused: false,
                resources: Vec::new(),
            }),
        }
    }

    pub(in crate::sync) fn state(&self) -> MutexGuard<'_, TeamState> {
        self.state.lock()
    }
}

impl fmt::Debug for TeamEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TeamEntry")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl TeamState {
    /// The members to put into lists now. Members that Heroku listed before a refusal stay until they are too
    /// old.
    pub(in crate::sync) fn members(&self, clock: &SharedClock, max_age: Duration) -> Members {
        match &self.list {
            Some(list) if !self.refused || list.asked_at.age(clock) <= max_age => {
                Members::Known(Arc::clone(list))
            }
            _ => Members::Withheld,
        }
    }

    /// Time since Heroku last gave a list, or refused to.
    pub(in crate::sync) fn age(&self, clock: &SharedClock) -> Option<Duration> {
        self.answered_at.map(|at| at.age(clock))
    }

    pub(in crate::sync) fn resources(&self) -> &[Arc<Entry>] {
        &self.resources
    }

    pub(in crate::sync) fn resource(&self, id: &ResourceId) -> Option<&Arc<Entry>> {
        let at = self.position(id).ok()?;
        self.resources.get(at)
    }

    /// The known instance of an equal team, so that all lists share it.
    pub(in crate::sync) fn share(&mut self, team: Arc<Team>) -> Arc<Team> {
        match &self.shared {
            Some(known) if *known == team => Arc::clone(known),
            _ => Arc::clone(self.shared.insert(team)),
        }
    }

    fn add(&mut self, resource: &Arc<Entry>) {
        let resource = Arc::clone(resource);
        match self.position(&resource.id) {
            Ok(at) => self.resources[at] = resource,
            Err(at) => self.resources.insert(at, resource),
        }
    }

    fn remove(&mut self, id: &ResourceId) {
        if let Ok(at) = self.position(id) {
            self.resources.remove(at);
        }
    }

    fn position(&self, id: &ResourceId) -> Result<usize, usize> {
        self.resources.binary_search_by_key(id, |known| known.id)
    }

    /// Records a list of Heroku's, unless there is a newer one.
    pub(in crate::sync) fn apply(&mut self, mut list: TeamList) {
        self.attempts = Attempts::default();
        let known = self.list.as_ref();
        // Equal people are stored once.
        if let Some(known) = known.filter(|known| known.people == list.people) {
            list.people = known.people.clone();
        }
        if known.is_none_or(|known| !list.asked_at.is_before(&known.asked_at)) {
            // A refusal that was requested later is kept.
            if self
                .answered_at
                .is_none_or(|at| !list.asked_at.is_before(&at))
            {
                self.answered_at = Some(list.asked_at);
                self.refused = false;
            }
            self.list = Some(Arc::new(list));
        }
    }

    /// Records that Heroku withholds the members, unless there is a newer answer.
    pub(in crate::sync) fn refused(&mut self, asked_at: AsOf) {
        self.attempts = Attempts::default();
        if self.answered_at.is_some_and(|at| asked_at.is_before(&at)) {
            return;
        }
        self.answered_at = Some(asked_at);
        self.refused = true;
    }

    /// Records members from the store. True if they are newer than the known ones.
    pub(in crate::sync) fn remember(&mut self, people: People, asked_at: AsOf) -> bool {
        let known = self.list.as_ref();
        let is_newer = known.is_none_or(|known| known.asked_at.is_before(&asked_at));
        if is_newer {
            self.apply(TeamList {
                people,
                asked_at,
                etag: None,
                answered_by: None,
            });
        }
        is_newer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use heroku_sso_store::Sequence;

    #[test]
    fn team_of_a_failed_first_fetch_is_dropped() {
        let clock: SharedClock = Arc::new(ManualClock::new());
        let (teams, id) = (Teams::default(), "team-1".parse().unwrap());
        let is_known = || teams.known(&id).is_some();
        let fetching = teams.entry(&id);
        teams.drop_unknown(&id);
        assert!(is_known(), "another fetch is in progress");
        drop(fetching);
        teams.drop_unknown(&id);
        assert!(!is_known());
        let answered_at = AsOf::now(&clock, Sequence::new(1));
        teams.entry(&id).state().refused(answered_at);
        teams.drop_unknown(&id);
        assert!(is_known(), "a resource is about to join it");
    }

    #[test]
    fn answer_to_the_latest_request_counts() {
        let clock: SharedClock = Arc::new(ManualClock::new());
        let at = |sequence| AsOf::now(&clock, Sequence::new(sequence));
        let team = TeamEntry::new("team-1".parse().unwrap());
        let mut state = team.state();
        state.remember(People::default(), at(2));
        state.refused(at(1));
        assert!(!state.refused);
        state.refused(at(4));
        assert!(state.refused);
        state.remember(People::default(), at(3));
        assert!(state.refused, "the refusal is newer");
        state.remember(People::default(), at(5));
        assert!(!state.refused);
    }
}
