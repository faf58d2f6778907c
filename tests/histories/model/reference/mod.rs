//! The reference: who may enter when. It knows no HTTP, no store and no fetch, only what Heroku has
//! on its lists, and what it told whom at which moment.
//!
//! Three answers are possible to "may this be served?": it must, it must not, and either. *Either*
//! is where the crate makes no promise: what one process did is not told to another one by a store
//! without notices, and while Heroku is away or a budget is spent nobody can be sure of a list. Even
//! then nobody passes but by a list that this process was told, young enough.

mod facts;
mod knowledge;

use std::collections::BTreeSet;

use crate::model::heard::Heard;

pub use facts::{Form, Heroku, Proof, RESOURCES, Session, has_team};
use facts::{Known, People, Replica, Sure, Told, Tried, Use, standing};

/// Whole seconds since the beginning.
pub type Time = u64;
/// The number of a step. What happens later has a greater one, also within the same second.
pub type Turn = u64;
/// An email, by number.
pub type Person = usize;
/// A Heroku account, by number. An email may pass from one to another.
pub type Account = usize;
pub type Resource = usize;

/// When a history begins, so that there is a time before it.
pub const START: Time = 10_000;
pub const REFRESH: Time = 300;
pub const MAX_LIST_AGE: Time = 600;
pub const MAX_SESSION: Time = 2_000;
pub const FORM_LIVES: Time = 300;
pub const FORM_AHEAD: Time = 60;
/// After a 429 without a word on how long.
pub const PAUSE: Time = 60;
/// So many answers over so long that a resource is not there may make it dormant.
const ABSENT_ANSWERS: usize = 3;
const ABSENT_FOR: Time = 900;
/// Fetches on behalf of visitors that a resource has in any two minutes, whatever came before.
const BUDGET: usize = 7;
const BUDGET_SPAN: Time = 120;
/// Refreshes that a resource has in any fifty seconds.
const REFRESHES: usize = 5;
const REFRESHES_SPAN: Time = 50;
/// Forced fetches, of four calls at most, that all resources have in any 25 minutes.
const SHARED_BUDGET: usize = 37;
const SHARED_SPAN: Time = 25 * 60;

/// What a list says of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Listed { account: Account, admin: bool },
    NotListed,
    NobodyKnows,
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
    /// How long a process may trust its copy of a session.
    pub session_cache: Time,
    store: Replica,
    /// How often Heroku said since the last list that a resource is not there, and when first.
    absent: [(usize, Time); RESOURCES],
    pub sessions: Vec<Session>,
    used: BTreeSet<Use>,
    /// Of whom Heroku last said that they may have left, and when.
    hint: Option<(Turn, Person)>,
}

impl Model {
    /// Every resource is registered, and nobody has asked for a list.
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

    /// A new process takes what the store has.
    pub fn restart(&mut self, at: usize) {
        self.turn += 1;
        self.replicas[at] = Replica {
            born: self.turn,
            tried: [Tried::No; RESOURCES],
            ..self.store.clone()
        };
    }

    /// A request in a session's cookie.
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
            // The other process has a newer one.
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
        // Before a session is over for want of use, the store is asked for a list of the other process.
        let may_have_looked = is_too_old && heard.calls == 0 && !matches!(status, 401 | 503);
        // Nor does a list from before the one that admitted a session turn its person away.
        let is_outdated = self.is_outdated(at, id);
        let is_refused = !is_listed(verdict) && verdict != Verdict::NobodyKnows;
        if may_have_looked || (is_refused && is_outdated) {
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
            Verdict::NobodyKnows => 503,
            Verdict::Gone => 401,
        };
        let mut allowed = vec![by_list];
        if self.may_be_dormant(resource) {
            allowed.push(503);
        }
        if lives == Lives::Either || (removed == Sure::Perhaps && is_listed(verdict)) {
            allowed.push(401);
        }
        if excused && (before == Verdict::NobodyKnows || verdict == Verdict::Gone) {
            // Young enough by a fetch that failed in another part.
            allowed.push(503);
        }
        // Nobody used the resource until its list was too old.
        let may_be_over = is_too_old && tried != Tried::InVain;
        if may_be_over {
            allowed.push(401);
        }
        expect(status, &allowed)?;
        let is_unasked = tried == Tried::No && heard.calls == 0 && !excused && !may_have_looked;
        if is_too_old && is_unasked && status != 401 {
            return Err(format!("{status} by a list that is too old"));
        }
        match status {
            503 => {}
            _ if is_listed(verdict) && status != 401 => {}
            _ => self.close(at, id),
        }
        let is_old = age_before.is_some_and(|age| age > REFRESH) && !is_too_old;
        let is_renewed = self.list_age(at, resource) <= Some(REFRESH);
        if is_old && tried == Tried::No && !excused && !is_renewed && status == 200 {
            return Err("passed by a list that should have been fetched anew".to_owned());
        }
        let is_right = lives == Lives::Yes
            && removed == Sure::No
            && self.sessions[id].always_listed
            && !may_be_over;
        // Up to its limit a list decides that nothing newer can be had in place of.
        let is_sure = !excused || (before != Verdict::NobodyKnows && !is_too_old);
        match is_right && is_sure && status != 200 && !admin_page {
            true => Err(format!("{status} for somebody who was on every list")),
            false => Ok(()),
        }
    }

    /// A stream of a session that let it begin, after something else has happened or time has passed, of
    /// which it has asked Heroku what was heard. No request is made for it.
    pub fn stream(&mut self, at: usize, id: usize, heard: &Heard, is_open: bool) -> Check {
        let Session {
            resource, person, ..
        } = self.sessions[id];
        let (excused, tried) = (
            self.excused(at, resource),
            self.replicas[at].tried[resource],
        );
        let was_old = self.list_age(at, resource) > Some(REFRESH);
        self.take_in(at, resource, heard);
        let (lives, account) = (self.lives(at, id), self.sessions[id].account);
        let verdict = self.verdict(at, resource, person);
        let is_listed = matches!(verdict, Verdict::Listed { account: it, .. } if it == account);
        // The store does not tell this process what another one has closed.
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
            return Err(format!("a stream goes on, and the list says {verdict:?}"));
        }
        let is_renewed = self.list_age(at, resource) <= Some(REFRESH);
        if is_open && was_old && !excused && tried == Tried::No && !is_renewed {
            return Err("a stream goes on by a list that should have been fetched anew".to_owned());
        }
        // A stream waits for no answer.
        let may_have_left = self.hint == Some((self.turn, person));
        let may_stay = lives == Lives::Yes && removed == Sure::No && is_listed;
        match !is_open && may_stay && !may_have_left {
            true => Err("a stream of somebody on the list was cut".to_owned()),
            false => Ok(()),
        }
    }

    /// Moments at which something about a session may be another.
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

    /// A sign-in. On 303 there is one more session, and the one that the browser had is closed.
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
            // Found out before anybody is asked.
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
            // Told of by a fetch that failed in another part.
            Verdict::Listed { .. } if excused && before != verdict => &[303, 503],
            Verdict::Listed { .. } if self.is_gone_elsewhere(at, resource) => &[303, 403],
            Verdict::Listed { .. } => &[303],
            Verdict::NotListed | Verdict::Gone if excused => &[403, 503],
            Verdict::NotListed | Verdict::Gone => &[403],
            Verdict::NobodyKnows if self.is_gone_elsewhere(at, resource) => &[403, 503],
            Verdict::NobodyKnows => &[503],
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
            return Err("signed in by a list that should have been fetched anew".to_owned());
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

    /// Whether a sign-in needs to ask nobody and is sure to be judged by the list in memory.
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

    /// A refresh that the partner asked for, and whether it said that there is a new list.
    pub fn refresh(&mut self, at: usize, resource: Resource, heard: &Heard, ok: bool) -> Check {
        let is_spent = self.refreshes_are_spent(at, resource);
        self.replicas[at].refreshed[resource].push(self.now);
        if is_spent && heard.calls == 0 {
            // Beyond the bound it is the list that there is.
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

    /// A signed webhook: that somebody may have left the resource's app, or about the app itself.
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
        // A doubt outlives the process that was told of it.
        let stored = self.store.known[resource].as_mut();
        for known in stored.into_iter().chain([known]) {
            known.doubted.extend(left.filter(is_on));
        }
        replica.spent[resource].push(self.now);
        self.take_in(at, resource, heard);
        let is_there = !self.heroku.gone[resource] && !self.store.is_gone(resource);
        if is_there && !excused && !heard.told_own() {
            return Err(format!("Heroku was not asked: {heard:?}"));
        }
        Ok(())
    }

    /// A revocation, and whether it was said to be done.
    pub fn revoke(&mut self, at: usize, resource: Resource, person: Person, ok: bool) -> Check {
        let turn = self.turn;
        for known in [&mut self.replicas[at], &mut self.store] {
            let known = known.known[resource].as_mut();
            known.map(|known| known.revoked.insert(person, turn));
        }
        let known = self.replicas[at].known[resource].is_some();
        match ok == known || self.is_gone_elsewhere(at, resource) {
            true => Ok(()),
            false => Err(format!("a revocation said {ok}")),
        }
    }

    /// The partner forgets a resource, which is gone at Heroku as well.
    pub fn forget(&mut self, at: usize, resource: Resource) {
        self.heroku.gone[resource] = true;
        self.heroku_has_changed();
        self.replicas[at].known[resource] = None;
        self.store.known[resource] = None;
    }

    /// Whether nobody has forgotten it.
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

    /// Whether a session lives as far as this process knows.
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
