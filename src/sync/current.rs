//! The list that decides about a session now: the newest, after one fetch at most.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use time::OffsetDateTime;

use super::SyncError;
use super::absence::Absences;
use super::directory::Directory;
use super::entry::Entry;
use super::held::Held;
use crate::access::{Email, NotEntitled};
use crate::clock::{self, Reading};
use crate::heroku::Urgency;
use crate::ids::{ResourceId, UserId};
use crate::lifespan::{Attempt, End, Lifespan, lifespan};
use crate::store::Ticket;

/// For how long after a wait in vain no other request waits, if there is a list that may decide.
const NO_WAIT: Duration = Duration::from_secs(10);

/// What a session says of its person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Principal<'a> {
    pub(crate) email: &'a Email,
    pub(crate) user_id: Option<&'a UserId>,
    /// Of the sign-in.
    pub(crate) ticket: Ticket,
    pub(crate) began: OffsetDateTime,
}

/// What a session has.
#[derive(Debug)]
pub(crate) enum Current {
    /// The list that decides.
    List(Arc<Held>),
    Revoked,
    Over(End),
}

/// What decides about a session, and for how long unless a newer list comes.
pub(super) enum Decider {
    List(Arc<Held>, Duration),
    Over(End),
}

/// Where a resource's list is, looked up once for all requests of a session. Once the resource has ended
/// there is no list at that place any more.
#[derive(Default)]
pub(crate) struct Whereabouts(OnceLock<Arc<Entry>>);

impl Directory {
    /// What a session has now. Asks Heroku only if the list is too old to decide as it is, or if Heroku
    /// said that this person may have left; and the store, before the list refuses them.
    pub(crate) async fn current(
        self: &Arc<Self>,
        id: &ResourceId,
        who: Principal<'_>,
    ) -> Result<Current, SyncError> {
        let limit = self.settings.deadlines.request;
        let current = clock::within(limit, self.ask_for_current(id, who)).await;
        current.unwrap_or(Err(SyncError::Slow { limit }))
    }

    async fn ask_for_current(
        self: &Arc<Self>,
        id: &ResourceId,
        who: Principal<'_>,
    ) -> Result<Current, SyncError> {
        let entry = self.entry(id).await?;
        if entry.is_revoked(who.email, who.ticket) {
            return Ok(Current::Revoked);
        }
        let latest_end = self.settings.limits().latest_end(who.began);
        if entry.is_dormant() && latest_end <= self.clock.now() {
            return Ok(Current::Over(End::LongestLife));
        }
        Absences::of(self).pass(&entry).await?;
        // In this order: a doubt that is found settled was settled by the list that is found.
        let doubt = entry.in_doubt(who.email);
        // So that there is time left to decide by the list that there is.
        let patience = self.settings.deadlines.request.mul_f64(0.6);
        let decider = decider(self, &entry, who.began, patience).await;
        if !matches!(decider, Ok(Decider::Over(_))) {
            // Also if nothing can be said now: the schedule sees to the list then.
            self.touch(&entry);
        }
        let held = match (doubt, decider?) {
            (_, Decider::Over(end)) => return Ok(Current::Over(end)),
            (None, Decider::List(held, _)) => held,
            (Some(since), Decider::List(held, _)) if !held.own_asked_at().is_before(&since) => held,
            (Some(since), _) => self.fetch_since(&entry, since).await?,
        };
        let held = match held.snapshot.list.entitlement(who.email, who.user_id) {
            Ok(_) | Err(NotEntitled::Unknown) => held,
            // Another process may have opened the session by a list of which this one has not heard yet.
            Err(NotEntitled::NotListed | NotEntitled::OtherAccount) => {
                let newest = self.newest_anywhere(id, held).await?;
                match newest.age(&self.clock) <= self.settings.max_list_age {
                    true => newest,
                    // The members of a team that it has come to may be older than the list that was here.
                    false => self.fetch_for_visitor(&entry).await?,
                }
            }
        };
        // That may have taken its time.
        let entry = self.entry(id).await?;
        if entry.is_revoked(who.email, who.ticket) {
            return Ok(Current::Revoked);
        }
        if entry.is_dormant() {
            return Err(SyncError::Dormant);
        }
        Ok(Current::List(held))
    }

    /// The list that [`current`](Self::current) would answer with; none if it would have to ask, wait or
    /// refuse. `place` is of the same resource.
    pub(crate) fn current_at_once(
        &self,
        place: &Whereabouts,
        id: &ResourceId,
        who: Principal<'_>,
        at: Reading,
    ) -> Option<Arc<Held>> {
        let entry = match place.0.get() {
            Some(entry) => entry,
            None => {
                let entry = Arc::clone(&*self.entries.get(id)?);
                place.0.get_or_init(|| entry)
            }
        };
        let is_barred = entry.is_dormant() || entry.is_revoked(who.email, who.ticket);
        if is_barred || entry.in_doubt(who.email).is_some() {
            return None;
        }
        let held = entry.held()?;
        let look = look(self, entry, Some(&held), who.began, at);
        let Lifespan::ByList { .. } = look.0 else {
            return None;
        };
        self.touch_at(entry, at.elapsed);
        Some(held)
    }
}

/// What the rule says of a session that began then, by the newest list and the last attempt.
fn look(
    directory: &Directory,
    entry: &Entry,
    held: Option<&Held>,
    began: OffsetDateTime,
    at: Reading,
) -> (Lifespan, Attempt) {
    let age = held.map(|held| held.age_at(at));
    let is_young = age.is_some_and(|age| age <= directory.settings.refresh_interval);
    let attempt = match is_young {
        // It makes no difference, and nearly every request is one of these.
        true => Attempt::Due,
        false => last_attempt(directory, entry, held, age, at.elapsed),
    };
    let limits = directory.settings.limits();
    let lifespan = lifespan(began, age, attempt, &limits, at.now);
    (lifespan, attempt)
}

/// What became of the last attempt to fetch a newer list.
fn last_attempt(
    directory: &Directory,
    entry: &Entry,
    held: Option<&Held>,
    age: Option<Duration>,
    now: Duration,
) -> Attempt {
    let (own, waited_in_vain_at) = {
        let progress = entry.progress();
        (progress.attempts, progress.waited_in_vain_at)
    };
    let is_kept_fresh = directory.schedule.is_taken_from();
    let team = held.and_then(|held| held.snapshot.team.as_ref());
    let team = team.and_then(|team| directory.teams.known(&team.id));
    let of_team = team.as_ref().map(|team| team.state().attempts);
    let mut failing = [Some(own), of_team].into_iter().flatten();
    if let Some(attempts) = failing.find(|attempts| attempts.are_failing()) {
        // The sync makes the next one, or it is too early for it.
        let is_left = is_kept_fresh || !attempts.back_off_left(now).is_zero();
        return if is_left {
            Attempt::Failing
        } else {
            Attempt::Due
        };
    }
    let is_answered = |age: Option<Duration>| age <= Some(directory.settings.refresh_interval);
    let own_age = held.map(|held| held.own_age(&directory.clock));
    let team_age = team.and_then(|team| team.state().age(&directory.clock));
    let limit = directory.settings.max_list_age;
    let may_decide = age.is_some_and(|age| age <= limit);
    if may_decide && is_answered(own_age) && is_answered(team_age) {
        // Heroku does not tell the members of the team; those that it told before are still there.
        return Attempt::Answered;
    }
    if waited_in_vain_at.is_some_and(|at| now < at + NO_WAIT) {
        return Attempt::Failing;
    }
    if !may_decide && own_age.is_some_and(|age| age <= limit) {
        // There was one, of which the team's members were not a part.
        return Attempt::Due;
    }
    let is_open = entry.readers.any(now);
    let is_wanted = is_kept_fresh && entry.used_within(directory.settings.in_use_for, now);
    // While calls are short the schedule makes none, however much the resource was used.
    let is_put_off = is_kept_fresh && !directory.pool(entry).wait(Urgency::Quiet, now).is_zero();
    if is_open || is_wanted || is_put_off {
        return Attempt::Due;
    }
    let is_from_before = age.is_some_and(|age| entry.is_younger_than(age, now));
    match is_from_before || directory.store.shared().is_some() {
        true => Attempt::Unknown,
        false => Attempt::Unwanted,
    }
}

/// What decides about a session that began then, after one fetch at most.
///
/// # Errors
/// Why nothing does. The session is to be kept.
pub(super) async fn decider(
    directory: &Arc<Directory>,
    entry: &Arc<Entry>,
    began: OffsetDateTime,
    patience: Duration,
) -> Result<Decider, SyncError> {
    let limits = directory.settings.limits();
    let mut held = entry.held();
    let at = Reading::of(&directory.clock);
    let (mut first, mut last) = look(directory, entry, held.as_deref(), began, at);
    if first == Lifespan::Probe
        && let Some(old) = &held
        && let Ok(newest) = directory.newest_anywhere(&entry.id, Arc::clone(old)).await
    {
        // Another process may have kept it fresh, and its word not have come.
        (first, last) = look(directory, entry, Some(&newest), began, at);
        held = Some(newest);
    }
    let (mut now, mut failure) = (first, SyncError::Slow { limit: patience });
    if matches!(first, Lifespan::Fetch | Lifespan::Probe) {
        let attempt = match fetch(directory, entry, last, patience).await {
            Ok(_) if first == Lifespan::Probe => return Ok(Decider::Over(End::Unused)),
            Ok(newest) => {
                held = Some(newest);
                Attempt::Answered
            }
            Err(error @ (SyncError::Gone | SyncError::UnknownResource)) => return Err(error),
            Err(error) => {
                failure = error;
                // Another fetch may have brought one.
                held = entry.held();
                Attempt::Unanswered
            }
        };
        let at = Reading::of(&directory.clock);
        let age = held.as_ref().map(|held| held.age_at(at));
        now = lifespan(began, age, attempt, &limits, at.now);
    }
    match (now, held) {
        (Lifespan::Over(end), _) => Ok(Decider::Over(end)),
        (Lifespan::ByList { left }, Some(held)) => Ok(Decider::List(held, left)),
        _ => Err(failure),
    }
}

/// One fetch that all who wait share.
async fn fetch(
    directory: &Arc<Directory>,
    entry: &Arc<Entry>,
    last: Attempt,
    patience: Duration,
) -> Result<Arc<Held>, SyncError> {
    let fetch = directory.fetch_for_session(entry, last == Attempt::Failing);
    let result = clock::within(patience, fetch).await;
    result.unwrap_or_else(|| {
        entry.progress().waited_in_vain_at = Some(directory.clock.elapsed());
        Err(SyncError::Slow { limit: patience })
    })
}
