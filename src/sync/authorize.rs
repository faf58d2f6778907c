//! Decide, fetch, decide: the one way to an answer of [`decide`], for sign-ins, requests and streams.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::SyncError;
use super::cached_list::CachedList;
use super::decide::{
    Access, Asked, Decision, Dormant, Facts, Needed, Principal, SessionStart, Strictness, decide,
};
use super::denial::Denial;
use super::directory::Directory;
use super::entry::Entry;
use super::forced::{Charge, Force};
use super::question::Question;
use crate::clock::{self, Reading};
use crate::deadlines::{SESSION_FETCH, SIGN_IN_FETCH};
use crate::heroku::Urgency;
use crate::ids::ResourceId;
use crate::lifespan::Attempt;

/// For how long after a wait in vain no other request waits, if there is a list that may decide.
const NO_WAIT: Duration = Duration::from_secs(10);

/// Where a resource's list is, looked up once for all requests of a session. Once the resource has ended
/// there is no list at that place any more.
#[derive(Default)]
pub(crate) struct EntryRef(OnceLock<Arc<Entry>>);

impl Directory {
    /// Whether this person may pass now, after one fetch at most. `left` is what is left of the time for
    /// the request.
    pub(crate) async fn authorize(
        self: &Arc<Self>,
        id: &ResourceId,
        who: Principal<'_>,
        session: Option<&SessionStart>,
        strictness: Strictness,
        left: Duration,
    ) -> Result<Access, Denial> {
        let entry = self.entry(id).await?;
        // So that there is time left to decide by the list that there is.
        let share = match session {
            None => SIGN_IN_FETCH,
            Some(_) => SESSION_FETCH,
        };
        let patience = left.min(self.settings.deadlines.request).mul_f64(share);
        authorize_at(self, &entry, who, session, strictness, patience).await
    }

    /// The same as far as it can be told without waiting: nearly every request. `entry` is of the same
    /// resource.
    pub(crate) fn authorize_cached(
        &self,
        entry: &EntryRef,
        id: &ResourceId,
        who: Principal<'_>,
        session: &SessionStart,
        at: Reading,
    ) -> Option<Access> {
        let entry = match entry.0.get() {
            Some(entry) => entry,
            None => {
                let found = Arc::clone(&*self.entries.get(id)?);
                entry.0.get_or_init(|| found)
            }
        };
        let facts = facts(self, entry, who, Some(session), at);
        let limits = self.settings.limits();
        let (session, strictness) = (Some(session), Strictness::REQUEST);
        match decide(&facts, who, session, strictness, &limits, &Asked::Nothing) {
            Decision::Allow(access) => {
                self.touch_at(entry, at.elapsed);
                Some(access)
            }
            Decision::Deny(_) | Decision::NeedsList(_) => None,
        }
    }
}

/// Whether this person may pass at this resource. `patience` bounds the wait for a list.
pub(super) async fn authorize_at(
    directory: &Arc<Directory>,
    entry: &Arc<Entry>,
    who: Principal<'_>,
    session: Option<&SessionStart>,
    strictness: Strictness,
    patience: Duration,
) -> Result<Access, Denial> {
    let limits = directory.settings.limits();
    let mut asked = Asked::Nothing;
    loop {
        let facts = facts(
            directory,
            entry,
            who,
            session,
            Reading::of(&directory.clock),
        );
        let needed = match decide(&facts, who, session, strictness, &limits, &asked) {
            Decision::Allow(access) => {
                directory.touch(entry);
                return Ok(access);
            }
            Decision::Deny(denial) => {
                if session.is_some() && matches!(denial, Denial::Unavailable(_)) {
                    // The schedule sees to the list then.
                    directory.touch(entry);
                }
                return Err(denial);
            }
            Decision::NeedsList(needed) => needed,
        };
        asked = match needed {
            Needed::Stored => Asked::Store(directory.reload(&entry.id).await.err()),
            _ => Asked::Heroku(
                needed,
                fetch(directory, entry, needed, patience).await.err(),
            ),
        };
    }
}

pub(super) fn facts(
    directory: &Directory,
    entry: &Entry,
    who: Principal<'_>,
    session: Option<&SessionStart>,
    at: Reading,
) -> Facts {
    // In this order: a pending removal that is found confirmed was confirmed by the list that is found.
    let dormant = entry.is_dormant().then(|| {
        let mark = entry.progress().mark;
        let question = mark.map(|mark| mark.question(at.elapsed));
        let is_due = question == Some(Question::OfDormant(Duration::ZERO));
        Dormant {
            is_due: is_due && !directory.schedule.has_consumer(),
        }
    });
    let marks = entry.marks_of(&who, session.map(|it| it.list));
    let list = entry.held();
    let age = list.as_ref().map(|list| list.age_at(at));
    let is_young = age.is_some_and(|age| age <= directory.settings.refresh_interval);
    Facts {
        last_attempt: match is_young {
            // It makes no difference, and nearly every request is one of these.
            true => Attempt::Due,
            false => last_attempt(directory, entry, list.as_deref(), age, at.elapsed),
        },
        has_ended: list.is_none() && entry.progress().ended,
        list,
        age,
        dormant,
        marks,
        now: at.now,
    }
}

/// What became of the last attempt to fetch a newer list.
fn last_attempt(
    directory: &Directory,
    entry: &Entry,
    held: Option<&CachedList>,
    age: Option<Duration>,
    now: Duration,
) -> Attempt {
    let (own, waited_in_vain_at) = {
        let progress = entry.progress();
        (progress.attempts, progress.waited_in_vain_at)
    };
    let is_kept_fresh = directory.schedule.has_consumer();
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

/// One fetch that all who wait share.
async fn fetch(
    directory: &Arc<Directory>,
    entry: &Arc<Entry>,
    needed: Needed,
    patience: Duration,
) -> Result<Arc<CachedList>, SyncError> {
    let fetch = async {
        match needed {
            // What was tried in vain before is tried again within the budget only.
            Needed::Recent { again: true } => directory.fetch_recent(entry, Charge::Resource).await,
            Needed::Recent { again: false } | Needed::Probe | Needed::Stored => {
                directory.fetch_recent(entry, Charge::Schedule).await
            }
            Needed::AskedSince(since) => directory.fetch_since(entry, since).await,
            Needed::Newest => directory.fetch_newest(entry, Force::Unlisted).await,
        }
    };
    let result = clock::within(patience, fetch).await;
    result.unwrap_or_else(|| {
        entry.progress().waited_in_vain_at = Some(directory.clock.elapsed());
        Err(SyncError::Slow { limit: patience })
    })
}
