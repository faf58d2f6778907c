//! The reference model of access. It knows no HTTP, no store and no fetch, only Heroku's lists, and which
//! process got which answer at which time.
//!
//! It has three answers to "may this be served?": must, must not, and either. *Either* is where the crate
//! makes no promise: without shared-store events a process does not know of another's actions, and while
//! Heroku is unavailable or a budget is spent no list is certain. Even then a user needs a list of this
//! process that is young enough.

mod facts;
mod knowledge;

use std::collections::BTreeSet;

use crate::model::heard::Heard;

pub use facts::{Form, Heroku, Proof, RESOURCES, Session, has_team};
use facts::{Known, People, Replica, Sure, Told, Tried, Use, standing};

/// Whole seconds since the start.
pub type Time = u64;
/// The number of a step. Later steps have greater numbers, also within the same second.
pub type Turn = u64;
/// An email, by number.
pub type Person = usize;
/// A Heroku account, by number. An email may pass from one to another.
pub type Account = usize;
pub type Resource = usize;

/// The start of a history, later than zero so that earlier times exist.
pub const START: Time = 10_000;
pub const REFRESH: Time = 300;
pub const MAX_LIST_AGE: Time = 600;
pub const MAX_SESSION: Time = 2_000;
pub const FORM_LIVES: Time = 300;
pub const FORM_AHEAD: Time = 60;
/// After a 429 without `Retry-After`.
pub const PAUSE: Time = 60;
/// This many absences over this time may make a resource dormant.
const ABSENT_ANSWERS: usize = 3;
const ABSENT_FOR: Time = 900;
/// The fetches for requests that a resource has in any two minutes.
const BUDGET: usize = 7;
const BUDGET_SPAN: Time = 120;
/// The refreshes that a resource has in any fifty seconds.
const REFRESHES: usize = 5;
const REFRESHES_SPAN: Time = 50;
/// The forced fetches, of at most four calls, that all resources together have in any 25 minutes.
const SHARED_BUDGET: usize = 37;
const SHARED_SPAN: Time = 25 * 60;

/// A list's verdict on a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Listed { account: Account, admin: bool },
    NotListed,
    Unknown,
    Gone,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lives {
    Yes,
    No,
    Either,
}

pub type Check = Result<(), String>;

#[derive(Default)]
pub struct Model {
    pub now: Time,
    pub turn: Turn,
    pub heroku: Heroku,
    pub replicas: [Replica; 2],
    /// How long a process may use its copy of a session.
    pub session_cache: Time,
    store: Replica,
    /// The number of absences since the last list, and the time of the first.
    absent: [(usize, Time); RESOURCES],
    pub sessions: Vec<Session>,
    used: BTreeSet<Use>,
    /// The last webhook of a removal: its time and person.
    hint: Option<(Turn, Person)>,
}

impl Model {
    /// Every resource is registered, and no list was fetched.
    pub fn new(session_cache: Time) -> Self {
        let mut model = Self {
            now: START,
            session_cache,
            ..Self::default()
        };
        model.store.known = std::array::from_fn(|_| Some(Known::default()));
        for at in 0..model.replicas.len() {
            model.restart(at);
        }
        model
    }

    /// A new process loads the store's state.
    pub fn restart(&mut self, at: usize) {
        self.turn += 1;
        self.replicas[at] = Replica {
            born: self.turn,
            tried: [Tried::No; RESOURCES],
            ..self.store.clone()
        };
    }

    /// A request with a session's cookie.
    pub fn visit(
        &mut self,
        at: usize,
        id: usize,
        admin_page: bool,
        heard: &Heard,
        status: u16,
    ) -> Check {
        let lives = self.lives(at, id);
        let Session {
            resource, person, ..
        } = self.sessions[id];
        if lives == Lives::No {
            self.close(at, id);
            return expect(status, &[401]).and(heard.nothing());
        }
        let is_young = self
            .list_age(at, resource)
            .is_some_and(|age| age <= REFRESH);
        if !is_young && self.is_outdated(at, id) {
            // The other process has a newer list.
            self.look_at_the_store(at, resource);
        }
        let excused = self.excused(at, resource);
        let before = self.verdict(at, resource, person);
        let age_before = self.list_age(at, resource);
        let tried = self.replicas[at].tried[resource];
        let is_too_old = age_before.is_some_and(|age| age > MAX_LIST_AGE);
        self.hear(at, resource, heard, status, excused)?;
        let account = self.sessions[id].account;
        let is_listed =
            |verdict| matches!(verdict, Verdict::Listed { account: it, .. } if it == account);
        let mut verdict = self.verdict(at, resource, person);
        // Before an unused session ends, the store is read for a list of the other process.
        let may_have_looked = is_too_old && heard.calls == 0 && !matches!(status, 401 | 503);
        // A list older than the admitting one does not reject the session.
        let is_outdated = self.is_outdated(at, id);
        let is_rejected = !is_listed(verdict) && verdict != Verdict::Unknown;
        if may_have_looked || (is_rejected && is_outdated) {
            self.look_at_the_store(at, resource);
            verdict = self.verdict(at, resource, person);
        }
        let proven = self.sessions[id].proven;
        let removed = self.was_removed(at, id);
        let by_list = match verdict {
            _ if self.lives(at, id) == Lives::No => 401,
            Verdict::Listed { .. } if !is_listed(verdict) => 403,
            Verdict::Listed { .. } if removed == Sure::Yes => 401,
            Verdict::Listed { admin, .. } if admin_page && !(admin && proven) => 403,
            Verdict::Listed { .. } => 200,
            Verdict::NotListed => 403,
            Verdict::Unknown => 503,
            Verdict::Gone => 401,
        };
        let mut allowed = vec![by_list];
        if self.may_be_dormant(resource) {
            allowed.push(503);
        }
        if lives == Lives::Either || (removed == Sure::Perhaps && is_listed(verdict)) {
            allowed.push(401);
        }
        if excused && (before == Verdict::Unknown || verdict == Verdict::Gone) {
            // Young enough by a fetch that failed in the other part.
            allowed.push(503);
        }
        // A fetch reads the store first, and so a pending removal of the other process.
        let stored = self.store.known[resource].as_ref();
        let may_be_leaving = excused && stored.is_some_and(|known| known.noted.contains(&person));
        if may_be_leaving {
            allowed.push(503);
        }
        // The resource was unused until its list was too old.
        let may_be_over = is_too_old && tried != Tried::InVain;
        if may_be_over {
            allowed.push(401);
        }
        expect(status, &allowed)?;
        let is_unasked = tried == Tried::No && heard.calls == 0 && !excused && !may_have_looked;
        if is_too_old && is_unasked && status != 401 {
            return Err(format!("{status} with a list that is too old"));
        }
        match status {
            503 => {}
            _ if is_listed(verdict) && status != 401 => {}
            _ => self.close(at, id),
        }
        let is_old = age_before.is_some_and(|age| age > REFRESH) && !is_too_old;
        let is_renewed = self.list_age(at, resource) <= Some(REFRESH);
        if is_old && tried == Tried::No && !excused && !is_renewed && status == 200 {
            return Err("passed with a list that should have been fetched again".to_owned());
        }
        let is_right = lives == Lives::Yes
            && removed == Sure::No
            && self.sessions[id].always_listed
            && !may_be_leaving
            && !may_be_over;
        // Up to its age limit, a list decides if no newer one is available.
        let is_sure = !excused || (before != Verdict::Unknown && !is_too_old);
        match is_right && is_sure && status != 200 && !admin_page {
            true => Err(format!("{status} for a person on every list")),
            false => Ok(()),
        }
    }

    /// A stream of a session, after an event or some time. Its fetches are known, and it makes no request.
    pub fn stream(&mut self, at: usize, id: usize, heard: &Heard, is_open: bool) -> Check {
        let Session {
            resource, person, ..
        } = self.sessions[id];
        let (excused, tried) = (
            self.excused(at, resource),
            self.replicas[at].tried[resource],
        );
        let was_old = self.list_age(at, resource) > Some(REFRESH);
        if was_old && self.is_outdated(at, id) {
            // The other process has a newer list.
            self.look_at_the_store(at, resource);
        }
        self.take_in(at, resource, heard);
        let (lives, account) = (self.lives(at, id), self.sessions[id].account);
        let verdict = self.verdict(at, resource, person);
        let is_listed = matches!(verdict, Verdict::Listed { account: it, .. } if it == account);
        // The store sends this process no event of a session closed by another.
        let born = self.replicas[at].born;
        let closed = self.sessions[id].closed;
        let is_untold = closed.is_some_and(|(by, ..)| by != born);
        if is_open && lives == Lives::No && !is_untold {
            return Err("a stream outlives its session".to_owned());
        }
        let removed = self.was_removed(at, id);
        if is_open && removed == Sure::Yes {
            return Err("a stream outlives its person's place on the list".to_owned());
        }
        if is_open && !is_listed {
            return Err(format!("a stream stays open with the verdict {verdict:?}"));
        }
        let is_renewed = self.list_age(at, resource) <= Some(REFRESH);
        if is_open && was_old && !excused && tried == Tried::No && !is_renewed {
            return Err("a stream stays open with an outdated list".to_owned());
        }
        // A stream does not wait for an answer.
        let may_have_left = self.hint == Some((self.turn, person));
        let may_stay = lives == Lives::Yes && removed == Sure::No && is_listed;
        match !is_open && may_stay && !may_have_left {
            true => Err("a stream of a listed person was cut".to_owned()),
            false => Ok(()),
        }
    }

    /// The times at which a session's state may change.
    pub fn turning_points(&self, at: usize, id: usize) -> Vec<Time> {
        let session = &self.sessions[id];
        let list = self.list_age(at, session.resource);
        let list = list.map(|age| self.now - age);
        let of_list = list.into_iter().flat_map(|asked_at| {
            let limits = [REFRESH, MAX_LIST_AGE];
            limits.map(|limit| asked_at + limit)
        });
        of_list.chain([session.signed_in + MAX_SESSION]).collect()
    }

    /// A sign-in. On 303 there is a new session, and the browser's previous one is closed.
    pub fn sign_in(
        &mut self,
        at: usize,
        form: &Form,
        previous: Option<usize>,
        heard: &Heard,
        status: u16,
    ) -> Check {
        let Some(resource) = form.resource.filter(|_| form.is_good(self.now)) else {
            return expect(status, &[403]).and(heard.nothing());
        };
        if self.is_used(form) {
            // Detected before any fetch.
            return expect(status, &[403]).and(heard.nothing());
        }
        let excused = self.excused(at, resource);
        let before = self.verdict_on_form(at, form, resource);
        self.hear(at, resource, heard, status, excused)?;
        let verdict = self.verdict_on_form(at, form, resource);
        let own_use = form.uses(resource);
        let allowed: &[u16] = match verdict {
            Verdict::Listed { .. } if self.may_be_dormant(resource) => &[303, 403, 503],
            _ if self.may_be_dormant(resource) => &[403, 503],
            // Known from a fetch that failed in the other part.
            Verdict::Listed { .. } if excused && before != verdict => &[303, 503],
            Verdict::Listed { .. } if self.is_gone_elsewhere(at, resource) => &[303, 403],
            Verdict::Listed { .. } => &[303],
            Verdict::NotListed | Verdict::Gone if excused => &[403, 503],
            Verdict::NotListed | Verdict::Gone => &[403],
            Verdict::Unknown if self.is_gone_elsewhere(at, resource) => &[403, 503],
            Verdict::Unknown => &[503],
        };
        expect(status, allowed)?;
        let truth = self.heroku.standing(resource, form.person);
        let is_true = truth.is_some_and(|(it, _)| form.account.is_none_or(|claimed| claimed == it));
        if is_true && !excused && !self.store.is_gone(resource) && status != 303 {
            return Err("a listed person with a fresh form was turned away".to_owned());
        }
        if status != 303 && self.may_be_dormant(resource) {
            return Ok(());
        }
        let Verdict::Listed { account, .. } = verdict else {
            return Ok(());
        };
        if form.proof == Proof::Scoped {
            self.used.insert((resource, form.signed_at, None));
        }
        if status != 303 {
            return Ok(());
        }
        if !excused && self.list_age(at, resource) > Some(REFRESH) {
            return Err("signed in with a list that should have been fetched again".to_owned());
        }
        self.used.extend(own_use);
        self.sessions.push(Session {
            resource,
            person: form.person,
            account,
            proven: form.proof != Proof::Plain,
            opened: self.turn,
            list: self.parts(at, resource).unwrap_or_default(),
            signed_in: self.now,
            always_listed: truth.is_some_and(|(it, _)| it == account),
            closed: None,
        });
        previous.inspect(|id| self.close(at, *id));
        Ok(())
    }

    /// Whether a sign-in is certain to be decided by the cached list, without a fetch.
    pub fn would_be_let_in(&self, at: usize, form: &Form) -> bool {
        let Some(resource) = form.resource.filter(|_| form.is_good(self.now)) else {
            return false;
        };
        let verdict = self.verdict_on_form(at, form, resource);
        if self.may_be_dormant(resource) {
            return false;
        }
        let is_young = self
            .list_age(at, resource)
            .is_some_and(|age| age <= REFRESH);
        is_young && matches!(verdict, Verdict::Listed { .. })
    }

    pub fn is_used(&self, form: &Form) -> bool {
        let own_use = form.resource.and_then(|resource| form.uses(resource));
        own_use.is_some_and(|own| self.used.contains(&own))
    }

    /// A refresh by the partner, and whether it reported a new list.
    pub fn refresh(&mut self, at: usize, resource: Resource, heard: &Heard, ok: bool) -> Check {
        let is_spent = self.refreshes_are_spent(at, resource);
        self.replicas[at].refreshed[resource].push(self.now);
        if is_spent && heard.calls == 0 {
            // Over budget, the cached list is returned.
            return Ok(());
        }
        let replica = &self.replicas[at];
        let known = replica.known[resource].is_some() && !self.store.is_gone(resource);
        let reachable = !self.heroku.is_faulty(resource) && replica.paused_until <= self.now;
        self.take_in(at, resource, heard);
        if ok != heard.told_own() {
            return Err(format!("said {ok}, and Heroku told {heard:?}"));
        }
        if known && reachable && !self.heroku.gone[resource] && !ok {
            return Err("a refresh failed though Heroku answers".to_owned());
        }
        if self.store.is_gone(resource) {
            self.replicas[at].known[resource] = None;
        }
        Ok(())
    }

    /// A signed webhook: a person may have left the resource's app, or the app has changed.
    pub fn webhook(
        &mut self,
        at: usize,
        resource: Resource,
        event: u64,
        left: Option<Person>,
        heard: &Heard,
    ) -> Check {
        let excused = self.excused(at, resource);
        self.hint = left.map(|person| (self.turn, person));
        let replica = &mut self.replicas[at];
        let is_new = replica.events.insert(event);
        let team = replica.team.as_ref().filter(|_| has_team(resource));
        let known = replica.known[resource].as_mut();
        let Some((known, own)) = known.and_then(|known| known.own.clone().map(|own| (known, own)))
        else {
            return heard.nothing();
        };
        if !is_new {
            return heard.nothing();
        }
        let is_on = |person: &Person| {
            let on_team = team.is_some_and(|team| team.people.contains_key(person));
            on_team || own.people.contains_key(person)
        };
        // A pending removal outlives the process that received it.
        let stored = self.store.known[resource].as_mut();
        for known in stored.into_iter().chain([known]) {
            known.noted.extend(left.filter(is_on));
        }
        replica.spent[resource].push(self.now);
        self.take_in(at, resource, heard);
        let is_there = !self.heroku.gone[resource] && !self.store.is_gone(resource);
        if is_there && !excused && !heard.told_own() {
            return Err(format!("no call to Heroku: {heard:?}"));
        }
        Ok(())
    }

    /// A revocation, and whether it succeeded.
    pub fn revoke(&mut self, at: usize, resource: Resource, person: Person, ok: bool) -> Check {
        let turn = self.turn;
        for known in [&mut self.replicas[at], &mut self.store] {
            let known = known.known[resource].as_mut();
            known.map(|known| known.revoked.insert(person, turn));
        }
        let known = self.replicas[at].known[resource].is_some();
        match ok == known || self.is_gone_elsewhere(at, resource) {
            true => Ok(()),
            false => Err(format!("a revocation returned {ok}")),
        }
    }

    /// The partner deprovisions a resource, which is removed at Heroku as well.
    pub fn forget(&mut self, at: usize, resource: Resource) {
        self.heroku.gone[resource] = true;
        self.heroku_has_changed();
        self.replicas[at].known[resource] = None;
        self.store.known[resource] = None;
    }

    /// Whether it is still registered.
    pub fn is_registered(&self, resource: Resource) -> bool {
        !self.store.is_gone(resource)
    }

    /// Heroku's lists have changed.
    pub fn heroku_has_changed(&mut self) {
        for session in &mut self.sessions {
            let truth = self.heroku.standing(session.resource, session.person);
            session.always_listed &= truth.is_some_and(|(it, _)| it == session.account);
        }
    }

    /// The sessions that have not ended.
    pub fn living(&self) -> Vec<usize> {
        let lives = |id: &usize| {
            let session = &self.sessions[*id];
            session.closed.is_none() && self.now < session.signed_in + MAX_SESSION
        };
        (0..self.sessions.len()).filter(lives).collect()
    }

    /// Ends a session at a process.
    pub fn close(&mut self, at: usize, id: usize) {
        let closed = (self.replicas[at].born, self.turn, self.now);
        self.sessions[id].closed.get_or_insert(closed);
    }

    /// Whether a session is open, to this process's knowledge.
    fn lives(&self, at: usize, id: usize) -> Lives {
        let (session, replica) = (&self.sessions[id], &self.replicas[at]);
        if let Some((by, turn, when)) = session.closed {
            let may_have_a_copy =
                by != replica.born && replica.born < turn && self.now < when + self.session_cache;
            if !may_have_a_copy {
                return Lives::No;
            }
        }
        let revoked = |at: &Replica| {
            let known = at.known[session.resource].as_ref();
            let last = known.and_then(|known| known.revoked.get(&session.person));
            last.is_some_and(|turn| session.opened < *turn)
        };
        let is_over = self.now >= session.signed_in + MAX_SESSION;
        if is_over || replica.known[session.resource].is_none() || revoked(replica) {
            return Lives::No;
        }
        let untold = revoked(&self.store) || self.is_gone_elsewhere(at, session.resource);
        match session.closed.is_some() || untold {
            true => Lives::Either,
            false => Lives::Yes,
        }
    }
}

fn expect(status: u16, allowed: &[u16]) -> Check {
    match allowed.contains(&status) {
        true => Ok(()),
        false => Err(format!(
            "answered {status}, and should have answered {allowed:?}"
        )),
    }
}
