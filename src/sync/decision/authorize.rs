//! Runs [`decide`] for sign-ins, requests and streams: decide, reload or fetch what is missing, decide again.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use heroku_sso_store::ResourceId;

use super::decide::{
    Allowed, Asked, AttachedState, Decision, Dormant, Facts, Needed, SessionStart, Strictness,
    decide,
};
use super::denial::Denial;
use crate::access::Entitlement;
use crate::clock::{Budget, Reading, SharedClock};
use crate::deadlines::{SESSION_FETCH, SIGN_IN_FETCH};
use crate::heroku::Urgency;
use crate::lifespan::Attempt;
use crate::sync::SyncError;
use crate::sync::cluster::coordinator::Coordinator;
use crate::sync::fetch::fetcher::Fetcher;
use crate::sync::lists::list_cache::ListCache;
use crate::sync::schedule::rate_limits::Charge;
use crate::sync::settings::SyncSettings;
use crate::sync::state::absence_mark::Question;
use crate::sync::state::cached_list::CachedList;
use crate::sync::state::entry::Entry;
use crate::sync::state::fetch_budgets::ForcedBy;
use crate::sync::state::person_marks::Principal;

/// After a request timed out waiting for a fetch, other requests do not wait for this long if the cached list
/// may decide.
const WAIT_COOLDOWN: Duration = Duration::from_secs(10);

/// Runs the decisions of one process.
#[derive(Debug)]
pub(crate) struct Authorizer {
    clock: SharedClock,
    settings: Arc<SyncSettings>,
    coordinator: Arc<Coordinator>,
    pub(super) lists: Arc<ListCache>,
    fetcher: Arc<Fetcher>,
}

/// A list admits the person.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) list: Arc<CachedList>,
    pub(crate) listed: Entitlement,
    /// How long this is valid unless something changes before.
    pub(crate) valid_for: Duration,
}

/// A cached reference to a resource's entry, shared by all requests of a session. The entry of a resource
/// that has ended has no list.
#[derive(Default)]
pub(crate) struct EntryRef(OnceLock<Arc<Entry>>);

impl Access {
    /// None without a list, which allows no one.
    fn by(facts: Facts, allowed: Allowed) -> Option<Self> {
        Some(Self {
            list: facts.list?,
            listed: allowed.listed,
            valid_for: allowed.valid_for,
        })
    }
}

impl Authorizer {
    pub(in crate::sync) fn new(
        settings: Arc<SyncSettings>,
        coordinator: Arc<Coordinator>,
        lists: Arc<ListCache>,
        fetcher: Arc<Fetcher>,
    ) -> Self {
        Self {
            clock: Arc::clone(coordinator.clock()),
            settings,
            coordinator,
            lists,
            fetcher,
        }
    }

    pub(super) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    pub(super) fn settings(&self) -> &SyncSettings {
        &self.settings
    }

    pub(super) fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }

    /// Whether this person has access now, after at most one fetch and one reading of attached apps. `left`
    /// is the time that remains for the request; a share of it goes to these calls.
    pub(crate) async fn authorize(
        &self,
        id: &ResourceId,
        who: Principal<'_>,
        session: Option<&SessionStart>,
        strictness: Strictness,
        left: Duration,
    ) -> Result<Access, Denial> {
        // The rest of the time is for deciding by the cached list, if the store or the fetch is slow.
        let share = match session {
            None => SIGN_IN_FETCH,
            Some(_) => SESSION_FETCH,
        };
        let limit = left.min(self.settings.deadlines.request).mul_f64(share);
        let time = Budget::of(limit);
        let entry = self.coordinator.entry(id).await?;
        self.decide(&entry, who, session, strictness, time).await
    }

    /// As [`authorize`](Self::authorize), without waiting, which admits nearly every request. None if the
    /// decision denies or needs a list; then `authorize` decides. `entry` belongs to the same resource.
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
                let found = self.lists.get(id)?;
                entry.0.get_or_init(|| found)
            }
        };
        let facts = self.facts(entry, who, Some(session), at);
        let limits = self.settings.limits();
        let (session, strictness) = (Some(session), Strictness::REQUEST);
        match decide(&facts, who, session, strictness, &limits, &Asked::Nothing) {
            Decision::Allow(allowed) => {
                self.lists.touch(entry, at.elapsed);
                Access::by(facts, allowed)
            }
            Decision::Deny(_) | Decision::NeedsList(_) => None,
        }
    }

    /// Whether this person has access to this resource. `time` bounds the calls made for the decision.
    pub(super) async fn decide(
        &self,
        entry: &Arc<Entry>,
        who: Principal<'_>,
        session: Option<&SessionStart>,
        strictness: Strictness,
        time: Budget,
    ) -> Result<Access, Denial> {
        let limits = self.settings.limits();
        let mut asked = Asked::Nothing;
        let mut first_pending = None;
        loop {
            let at = Reading::of(&self.clock);
            let mut facts = self.facts(entry, who, session, at);
            let pending = &mut facts.marks.pending_removal;
            match asked {
                Asked::Nothing => first_pending = *pending,
                // A removal that became pending while Heroku answered is for the next decision.
                Asked::Heroku(_, None) if *pending != first_pending => *pending = None,
                Asked::Store(_) | Asked::Heroku(..) => {}
            }
            let needed = match decide(&facts, who, session, strictness, &limits, &asked) {
                Decision::Allow(allowed) => {
                    self.lists.touch(entry, at.elapsed);
                    return Access::by(facts, allowed).ok_or(Denial::Gone);
                }
                Decision::Deny(denial) => {
                    if session.is_some() && matches!(denial, Denial::Unavailable(_)) {
                        // Marks the resource as used, so that the background sync fetches its list.
                        self.lists.touch(entry, at.elapsed);
                    }
                    return Err(denial);
                }
                Decision::NeedsList(needed) => needed,
            };
            asked = self.ask(entry, needed, time).await;
        }
    }

    pub(super) fn facts(
        &self,
        entry: &Entry,
        who: Principal<'_>,
        session: Option<&SessionStart>,
        at: Reading,
    ) -> Facts {
        // Marks are read before the list: if a removal was settled in between, this list settled it.
        let dormant = entry.is_dormant().then(|| {
            let mark = entry.progress().noted().mark;
            let question = mark.map(|mark| mark.question(at.elapsed));
            let is_due = question == Some(Question::OfDormant(Duration::ZERO));
            Dormant {
                is_due: is_due && !self.lists.scheduler().is_sync_running(),
            }
        });
        let marks = entry.marks_of(&who, session.map(|it| it.list));
        let list = entry.list();
        let attached = match &list {
            Some(list) if self.settings.include_attached_apps => self.attached(entry, list, at),
            _ => AttachedState::Unwanted,
        };
        let age = list.as_ref().map(|list| list.age_at(at));
        let is_young = age.is_some_and(|age| age <= self.settings.refresh_interval);
        Facts {
            last_attempt: match is_young {
                // The value makes no difference here. Nearly every request takes this branch.
                true => Attempt::Due,
                false => self.last_attempt(entry, list.as_deref(), age, at.elapsed),
            },
            has_ended: list.is_none() && entry.progress().ended,
            list,
            age,
            dormant,
            marks,
            attached,
            now: at.unix,
        }
    }

    fn attached(&self, entry: &Entry, list: &CachedList, at: Reading) -> AttachedState {
        if let Some(left) = list.attached_left(at, self.settings.max_list_age) {
            return AttachedState::Counts { left };
        }
        let may_ask = entry.progress().attached_back_off(at.elapsed).is_zero();
        match list.attached() {
            Some(_) => AttachedState::TooOld { may_ask },
            None => AttachedState::Missing { may_ask },
        }
    }

    /// The outcome of the last attempt to fetch a newer list.
    fn last_attempt(
        &self,
        entry: &Entry,
        list: Option<&CachedList>,
        age: Option<Duration>,
        now: Duration,
    ) -> Attempt {
        let (own, last_wait_timed_out_at) = {
            let progress = entry.progress();
            (progress.attempts(), progress.noted().last_wait_timed_out_at)
        };
        let is_kept_fresh = self.lists.scheduler().is_sync_running();
        let team = list.and_then(|list| list.snapshot.team.as_ref());
        let team = team.and_then(|team| self.lists.teams().known(&team.id));
        let of_team = team.as_ref().map(|team| team.state().attempts);
        let mut failing = [Some(own), of_team].into_iter().flatten();
        if let Some(attempts) = failing.find(|attempts| attempts.are_failing()) {
            // The sync will make the next attempt, or it is too early for one.
            let will_be_retried = is_kept_fresh || !attempts.back_off_left(now).is_zero();
            return if will_be_retried {
                Attempt::Failing
            } else {
                Attempt::Due
            };
        }
        let is_answered = |age: Option<Duration>| age <= Some(self.settings.refresh_interval);
        let own_age = list.map(|list| list.own_age(&self.clock));
        let team_age = team.and_then(|team| team.state().age(&self.clock));
        let limit = self.settings.max_list_age;
        let is_within_max_age = age.is_some_and(|age| age <= limit);
        if is_within_max_age && is_answered(own_age) && is_answered(team_age) {
            // The resource's own part is fresh. Heroku withholds the team's members, so the last known ones
            // count.
            return Attempt::Answered;
        }
        if last_wait_timed_out_at.is_some_and(|at| now < at + WAIT_COOLDOWN) {
            return Attempt::Failing;
        }
        if !is_within_max_age && own_age.is_some_and(|age| age <= limit) {
            // The resource's own part was fetched, but without the team's members.
            return Attempt::Due;
        }
        let has_open_response = entry.streams.any(now);
        let is_used_and_synced = is_kept_fresh && entry.used_within(self.settings.in_use_for, now);
        // When rate limits are tight, the sync skips idle lists, used or not.
        let is_throttled = is_kept_fresh
            && !self
                .lists
                .scheduler()
                .rate_limits()
                .pool(entry)
                .wait(Urgency::Quiet, now)
                .is_zero();
        if has_open_response || is_used_and_synced || is_throttled {
            return Attempt::Due;
        }
        let predates_process = age.is_some_and(|age| entry.is_younger_than(age, now));
        match predates_process || self.coordinator.is_shared() {
            true => Attempt::Unknown,
            false => Attempt::Unwanted,
        }
    }

    /// Asks the store, or Heroku by one fetch that all waiting requests share.
    async fn ask(&self, entry: &Arc<Entry>, needed: Needed, time: Budget) -> Asked {
        let limit = time.left();
        let ask = async {
            match needed {
                Needed::Stored => return self.coordinator.reload(&entry.id).await,
                // A fetch outside the schedule draws on the resource's budget.
                Needed::Recent {
                    charge_resource: true,
                } => self.fetcher.fetch_recent(entry, Charge::Resource).await,
                Needed::Recent {
                    charge_resource: false,
                }
                | Needed::RecentOrUnused => {
                    self.fetcher.fetch_recent(entry, Charge::Schedule).await
                }
                Needed::AskedSince(since) => self.fetcher.fetch_since(entry, since).await,
                Needed::Newest => {
                    self.fetcher
                        .fetch_newest(entry, ForcedBy::UnlistedUser)
                        .await
                }
                Needed::Attached { force } => {
                    let charge = match force {
                        true => Charge::Forced(ForcedBy::UnlistedUser),
                        false => Charge::Resource,
                    };
                    self.fetcher.attached().fetch(entry, charge).await
                }
            }
            .map(drop)
        };
        let answer = time.within(ask).await;
        let timed_out = answer.is_none();
        let failure = answer.unwrap_or(Err(SyncError::Slow { limit })).err();
        if needed == Needed::Stored {
            return Asked::Store(failure);
        }
        if timed_out {
            entry.progress().note().last_wait_timed_out_at = Some(self.clock.elapsed());
        }
        Asked::Heroku(needed, failure)
    }
}
