//! The knowledge of a process: Heroku's answers, the store's state, and their ages.

use std::collections::BTreeMap;

use super::facts::{Form, Parts, Removal, Sure, is_outdated};
use super::{
    ABSENT_ANSWERS, ABSENT_FOR, Account, BUDGET, BUDGET_SPAN, Check, MAX_LIST_AGE, Model, PAUSE,
    People, Person, REFRESHES, REFRESHES_SPAN, RESOURCES, Resource, SHARED_BUDGET, SHARED_SPAN,
    Time, Told, Tried, Verdict, has_team, standing,
};
use crate::model::heard::Heard;

impl Model {
    /// The verdict of this process's list on a person.
    pub(super) fn verdict(&self, at: usize, resource: Resource, person: Person) -> Verdict {
        let replica = &self.replicas[at];
        let Some(known) = &replica.known[resource] else {
            return Verdict::Gone;
        };
        let age = self.list_age(at, resource);
        let (Some(own), Some(..=MAX_LIST_AGE), false) =
            (&known.own, age, known.noted.contains(&person))
        else {
            return Verdict::Unknown;
        };
        let team = replica.team.as_ref().filter(|_| has_team(resource));
        match standing(&own.people, team.map(|team| &team.people), person) {
            Some((account, admin)) => Verdict::Listed { account, admin },
            None => Verdict::NotListed,
        }
    }

    /// The verdict of this process's list on the person in a form.
    pub(super) fn verdict_on_form(&self, at: usize, form: &Form, resource: Resource) -> Verdict {
        match self.verdict(at, resource, form.person) {
            Verdict::Listed { account, .. } if form.account.is_some_and(|it| it != account) => {
                Verdict::NotListed
            }
            verdict => verdict,
        }
    }

    /// A list is as old as its older part.
    pub(super) fn list_age(&self, at: usize, resource: Resource) -> Option<Time> {
        let replica = &self.replicas[at];
        let own = replica.known[resource].as_ref()?.own.as_ref()?.at;
        let oldest = match &replica.team {
            Some(team) if has_team(resource) => team.at.min(own),
            _ => own,
        };
        Some(self.now - oldest)
    }

    /// Heroku's answers for a request. 503 is allowed only if an answer may be missing.
    pub(super) fn hear(
        &mut self,
        at: usize,
        resource: Resource,
        heard: &Heard,
        status: u16,
        excused: bool,
    ) -> Check {
        self.take_in(at, resource, heard);
        if heard.calls > 0 || status == 503 {
            self.replicas[at].spent[resource].push(self.now);
        }
        match status == 503 && !excused {
            true => Err("answered 503, though Heroku answers".to_owned()),
            false => Ok(()),
        }
    }

    /// Heroku's answers replace earlier ones: a whole part, or nothing.
    pub(super) fn take_in(&mut self, at: usize, resource: Resource, heard: &Heard) {
        let before = self.everyone(at);
        self.believe(at, resource, heard);
        self.note_removals(at, before);
    }

    fn believe(&mut self, at: usize, resource: Resource, heard: &Heard) {
        let told = |people: &People| Told {
            people: people.clone(),
            at: self.now,
            turn: self.turn,
        };
        let (replica, heroku) = (&mut self.replicas[at], &self.heroku);
        if heard.calls > 0 {
            replica.scarce = heard.limited;
        }
        if heard.limited {
            replica.paused_until = self.now + PAUSE;
        }
        if heard.told_members() {
            replica.team = Some(told(&heroku.members));
            self.store.team.clone_from(&replica.team);
        }
        if heard.calls > 0 {
            replica.tried[resource] = if heard.told_own() {
                Tried::No
            } else {
                Tried::InVain
            };
        }
        if heard.asked_for_members() {
            // A failed fetch of the team counts for each of its resources.
            for other in (0..RESOURCES).filter(|other| has_team(*other) && *other != resource) {
                replica.tried[other] = Tried::Perhaps;
            }
        }
        let absent = &mut self.absent[resource];
        if heard.told_own() {
            *absent = (0, self.now);
        }
        if heard.absences > 0 {
            let first = if absent.0 > 0 { absent.1 } else { self.now };
            *absent = (absent.0 + heard.absences, first);
        }
        if let Some(known) = replica.known[resource]
            .as_mut()
            .filter(|_| heard.told_own())
        {
            known.own = Some(told(&heroku.collaborators[resource]));
            known.noted.clear();
            if let Some(stored) = &mut self.store.known[resource] {
                stored.own.clone_from(&known.own);
                stored.noted.clear();
            }
        }
    }

    /// Loads the changes of the other process.
    pub(super) fn look_at_the_store(&mut self, at: usize, resource: Resource) {
        let before = self.everyone(at);
        self.read_the_store(at, resource);
        self.note_removals(at, before);
    }

    fn read_the_store(&mut self, at: usize, resource: Resource) {
        let replica = &mut self.replicas[at];
        let Some(stored) = &self.store.known[resource] else {
            replica.known[resource] = None;
            return;
        };
        if let Some(known) = &mut replica.known[resource] {
            replica.tried[resource] = match replica.tried[resource] {
                Tried::No => Tried::No,
                _ => Tried::Perhaps,
            };
            known.own.clone_from(&stored.own);
            known.revoked.clone_from(&stored.revoked);
            known.noted.clone_from(&stored.noted);
        }
        if has_team(resource) {
            replica.team.clone_from(&self.store.team);
        }
    }

    /// The turns of the parts of a process's list.
    pub(super) fn parts(&self, at: usize, resource: Resource) -> Option<Parts> {
        let replica = &self.replicas[at];
        let own = replica.known[resource].as_ref()?.own.as_ref()?.turn;
        let team = replica.team.as_ref().filter(|_| has_team(resource));
        Some([own, team.map_or(own, |team| team.turn)])
    }

    /// True if a part of a process's list is from before the list that admitted a session.
    pub(super) fn is_outdated(&self, at: usize, id: usize) -> bool {
        let session = &self.sessions[id];
        let parts = self.parts(at, session.resource);
        parts.is_none_or(|parts| is_outdated(parts, session.list))
    }

    /// The people on a process's lists with their account; none if Heroku's two lists disagree.
    fn everyone(&self, at: usize) -> [Option<BTreeMap<Person, Option<Account>>>; RESOURCES] {
        let replica = &self.replicas[at];
        std::array::from_fn(|resource| {
            let own = replica.known[resource].as_ref()?.own.as_ref()?;
            let team = replica.team.as_ref().filter(|_| has_team(resource));
            let team = team.map(|team| &team.people);
            let members = team.into_iter().flatten();
            let people = own.people.iter().chain(members).map(|(person, _)| *person);
            let account = |person| standing(&own.people, team, person).map(|it| it.0);
            Some(people.map(|person| (person, account(person))).collect())
        })
    }

    /// Records removals since `before`, and confirms earlier ones.
    fn note_removals(
        &mut self,
        at: usize,
        before: [Option<BTreeMap<Person, Option<Account>>>; RESOURCES],
    ) {
        let now = self.everyone(at);
        for resource in 0..RESOURCES {
            let (Some(before), Some(now)) = (&before[resource], &now[resource]) else {
                continue;
            };
            let Some(list) = self.parts(at, resource) else {
                continue;
            };
            let removals = &mut self.replicas[at].removals[resource];
            for (person, account) in before {
                let (account, sure) = match (now.get(person), account) {
                    (None, _) => (None, Sure::No),
                    (Some(Some(other)), Some(account)) if other != account => {
                        (Some(*account), Sure::Yes)
                    }
                    _ => continue,
                };
                let person = *person;
                removals.push(Removal {
                    person,
                    account,
                    list,
                    sure,
                });
            }
            removals.retain_mut(|known| {
                let newest = known.list[0].max(known.list[1]);
                let complete_since = list[0].min(list[1]);
                if known.sure == Sure::Yes || complete_since < newest {
                    return true;
                }
                let is_back = now.contains_key(&known.person);
                match complete_since > newest {
                    true if !is_back => known.sure = Sure::Yes,
                    true => return known.sure == Sure::Perhaps,
                    false => known.sure = Sure::Perhaps,
                }
                true
            });
        }
    }

    /// Whether this process knows of a removal of the person since their session began.
    pub(super) fn was_removed(&self, at: usize, id: usize) -> Sure {
        let session = &self.sessions[id];
        let removals = self.replicas[at].removals[session.resource].iter();
        let of_session = removals.filter(|known| {
            known.person == session.person
                && known.account.is_none_or(|it| it == session.account)
                && is_outdated(session.list, known.list)
        });
        let sure = of_session.map(|known| known.sure);
        sure.fold(Sure::No, |one, other| match (one, other) {
            (Sure::Yes, _) | (_, Sure::Yes) => Sure::Yes,
            (Sure::Perhaps, _) | (_, Sure::Perhaps) => Sure::Perhaps,
            _ => Sure::No,
        })
    }

    /// Whether a call to Heroku might be skipped or unanswered.
    pub(super) fn excused(&self, at: usize, resource: Resource) -> bool {
        let replica = &self.replicas[at];
        let own = self.within(BUDGET_SPAN, &replica.spent[resource]);
        let is_spent = own > BUDGET || self.is_shared_spent(&replica.spent) || replica.scarce;
        let is_absent = self.heroku.gone[resource] || self.may_be_dormant(resource);
        let is_paused = self.now < replica.paused_until;
        is_absent || self.heroku.is_faulty(resource) || is_paused || is_spent
    }

    /// Whether a refresh might return the cached list.
    pub(super) fn refreshes_are_spent(&self, at: usize, resource: Resource) -> bool {
        let replica = &self.replicas[at];
        let own = self.within(REFRESHES_SPAN, &replica.refreshed[resource]);
        own >= REFRESHES || self.is_shared_spent(&replica.refreshed) || replica.scarce
    }

    /// Each reason has the same budget.
    fn is_shared_spent(&self, all: &[Vec<Time>]) -> bool {
        let counts = all.iter().map(|times| self.within(SHARED_SPAN, times));
        counts.sum::<usize>() > SHARED_BUDGET
    }

    fn within(&self, span: Time, times: &[Time]) -> usize {
        let lately = |at: &&Time| **at + span > self.now;
        times.iter().rev().take_while(lately).count()
    }

    /// Heroku has reported enough absences, and nothing else since.
    pub(super) fn may_be_dormant(&self, resource: Resource) -> bool {
        let (answers, first) = self.absent[resource];
        answers >= ABSENT_ANSWERS && self.now >= first + ABSENT_FOR
    }

    pub(super) fn is_gone_elsewhere(&self, at: usize, resource: Resource) -> bool {
        self.store.is_gone(resource) && self.replicas[at].known[resource].is_some()
    }
}
