//! Decides whether a person may access a resource now: one pure function for sign-ins, requests and streams.
//!
//! It does no I/O and awaits nothing. Where only a newer list can decide, it says so
//! ([`Decision::NeedsList`]); [`authorize`](super::authorize) fetches one and asks again.

use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::Sequence;

use super::denial::Denial;
use crate::access::{Attached, Entitlement, NotEntitled};
use crate::clock::UnixTime;
use crate::lifespan::{Attempt, End, Lifespan, Limits, lifespan};
use crate::sync::SyncError;
use crate::sync::state::as_of::AsOf;
use crate::sync::state::cached_list::{CachedList, ListVersion};
use crate::sync::state::person_marks::{Marks, Principal};

/// How the session of this person began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionStart {
    pub(crate) began: UnixTime,
    /// The sign-in's sequence number: a later revocation has a greater one.
    pub(crate) sequence: Sequence,
    /// The version of the list that admitted them.
    pub(crate) list: ListVersion,
}

/// What differs between a sign-in, a request and a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strictness {
    /// Refetch an old list even if the last attempt failed.
    refetches_old_list: bool,
    /// Refetch a list that lacks the person, within a budget. A collaborator who was added a minute ago is
    /// admitted this way.
    refetches_if_unlisted: bool,
    /// Wait for the list that confirms a pending removal; otherwise deny.
    waits_for_pending_removal: bool,
}

/// The answer of [`decide`].
#[derive(Clone, Debug)]
pub(crate) enum Decision {
    Allow(Allowed),
    Deny(Denial),
    /// Only a newer list can decide.
    NeedsList(Needed),
}

/// The list admits the person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    pub(crate) listed: Entitlement,
    /// How long this decision is valid unless something changes before.
    pub(crate) valid_for: Duration,
}

/// Which list is needed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Needed {
    /// The newest list that other processes have stored.
    Stored,
    /// A list with no part older than the refresh interval. With `charge_resource`, the fetch draws on the
    /// resource's budget.
    Recent { charge_resource: bool },
    /// As `Recent`. If Heroku answers, the resource was not in use, and the session is over as
    /// [`End::Unused`].
    RecentOrUnused,
    /// A list whose own part was requested after this moment.
    AskedSince(AsOf),
    /// A list with every part requested now, apart from attached apps.
    Newest,
    /// The same list with a new answer about attached apps. With `force`, although it has a usable one: the
    /// person may have been added since.
    Attached { force: bool },
}

/// What was already asked for this decision.
#[derive(Clone, Debug)]
pub(in crate::sync) enum Asked {
    Nothing,
    /// The store, and the error if it did not answer.
    Store(Option<SyncError>),
    /// Heroku, for this list, and the error if there was no answer.
    Heroku(Needed, Option<SyncError>),
}

/// The facts about a resource and a person at one moment.
#[derive(Clone, Debug)]
pub(in crate::sync) struct Facts {
    pub(in crate::sync) list: Option<Arc<CachedList>>,
    /// The age of the list's oldest part.
    pub(in crate::sync) age: Option<Duration>,
    /// The outcome of the last attempt to fetch a newer list. Ignored for a young list.
    pub(in crate::sync) last_attempt: Attempt,
    /// The resource has ended since it was looked up.
    pub(in crate::sync) has_ended: bool,
    pub(in crate::sync) dormant: Option<Dormant>,
    pub(in crate::sync) marks: Marks,
    pub(in crate::sync) attached: AttachedState,
    pub(in crate::sync) now: UnixTime,
}

/// The state of the list's part about attached apps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sync) enum AttachedState {
    /// Their people are not wanted.
    Unwanted,
    /// Their people count, for this long.
    Counts { left: Duration },
    /// Heroku's answer is too old, or from before the add-on got another owner. Heroku may be asked again
    /// unless it failed to answer a moment ago.
    TooOld { may_ask: bool },
    /// Heroku was never asked.
    Missing { may_ask: bool },
}

/// The state of a dormant resource.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct Dormant {
    /// A check with Heroku is due, and no background sync will make it.
    pub(in crate::sync) is_due: bool,
}

impl Strictness {
    pub(crate) const SIGN_IN: Self = Self {
        refetches_old_list: true,
        refetches_if_unlisted: true,
        waits_for_pending_removal: true,
    };
    pub(crate) const REQUEST: Self = Self {
        refetches_old_list: false,
        refetches_if_unlisted: false,
        waits_for_pending_removal: true,
    };
    pub(crate) const STREAM: Self = Self {
        waits_for_pending_removal: false,
        ..Self::REQUEST
    };
}

/// One evaluation of the rule.
#[derive(Clone, Copy)]
struct Evaluation<'a> {
    facts: &'a Facts,
    who: Principal<'a>,
    session: Option<&'a SessionStart>,
    strictness: Strictness,
    limits: &'a Limits,
    asked: &'a Asked,
}

/// The rule. `session` is none at a sign-in.
pub(in crate::sync) fn decide(
    facts: &Facts,
    who: Principal<'_>,
    session: Option<&SessionStart>,
    strictness: Strictness,
    limits: &Limits,
    asked: &Asked,
) -> Decision {
    let evaluation = Evaluation {
        facts,
        who,
        session,
        strictness,
        limits,
        asked,
    };
    let decided = evaluation
        .check_preconditions()
        .and_then(|()| evaluation.select_list())
        .map(|(list, valid_for)| evaluation.decide_by_list(list, valid_for));
    decided.unwrap_or_else(|decision| decision)
}

impl<'a> Evaluation<'a> {
    /// The checks that come before any list is read.
    fn check_preconditions(&self) -> Result<(), Decision> {
        let (facts, session) = (self.facts, self.session);
        let denial = match self.failure() {
            Some(SyncError::Gone) => Some(Denial::Gone),
            _ if facts.has_ended => Some(Denial::Gone),
            Some(SyncError::UnknownResource) => Some(Denial::UnknownResource),
            _ if session.is_some_and(|it| facts.marks.revoked > Some(it.sequence)) => {
                Some(Denial::Revoked)
            }
            // For a resource that is not dormant, `lifespan` checks this.
            _ if facts.dormant.is_some()
                && self.limits.longest_left(self.began(), facts.now).is_none() =>
            {
                Some(Denial::SessionOver(End::LongestLife))
            }
            _ => None,
        };
        match (denial, facts.dormant) {
            (Some(denial), _) => Err(Decision::Deny(denial)),
            (None, Some(Dormant { is_due: true })) if !self.has_asked_heroku() => {
                Err(Decision::NeedsList(Needed::Recent {
                    charge_resource: true,
                }))
            }
            (None, Some(_)) => Err(Decision::Deny(Denial::Dormant)),
            (None, None) => Ok(()),
        }
    }

    /// The list that decides, and how long it is valid; or which other list is needed.
    fn select_list(&self) -> Result<(&'a Arc<CachedList>, Duration), Decision> {
        let (facts, limits, asked) = (self.facts, self.limits, self.asked);
        let last_attempt = self.last_attempt();
        let life = lifespan(self.began(), facts.age, last_attempt, limits, facts.now);
        let is_young = facts.age.is_some_and(|age| age <= limits.refresh_interval);
        match (life, asked) {
            (Lifespan::Over(end), _) => return Err(Decision::Deny(Denial::SessionOver(end))),
            (_, Asked::Nothing) if !is_young && self.is_outdated() => {
                return Err(Decision::NeedsList(Needed::Stored));
            }
            (_, Asked::Heroku(Needed::RecentOrUnused, None)) => {
                return Err(Decision::Deny(Denial::SessionOver(End::Unused)));
            }
            (Lifespan::Probe, Asked::Nothing) => {
                return Err(Decision::NeedsList(Needed::Stored));
            }
            // Another process may have kept the resource in use.
            (Lifespan::Probe, Asked::Store(Some(_))) => return Err(self.unavailable()),
            (Lifespan::Probe, _) => return Err(Decision::NeedsList(Needed::RecentOrUnused)),
            _ => {}
        }
        if let Some(since) = self.pending_removal() {
            return Err(
                match self.has_asked_heroku() || !self.strictness.waits_for_pending_removal {
                    true => self.unavailable(),
                    false => Decision::NeedsList(Needed::AskedSince(since)),
                },
            );
        }
        match (life, &facts.list) {
            (Lifespan::ByList { left }, Some(list)) => Ok((list, left)),
            (Lifespan::Fetch, list) => Err(Decision::NeedsList({
                let is_listed = list.as_ref().is_some_and(|it| self.find(it).is_ok());
                match self.strictness.refetches_if_unlisted && !is_listed {
                    true => Needed::Newest,
                    false => Needed::Recent {
                        charge_resource: self.strictness.refetches_old_list
                            || last_attempt == Attempt::Failing,
                    },
                }
            })),
            _ => Err(self.unavailable()),
        }
    }

    /// The decision by this list.
    fn decide_by_list(&self, list: &Arc<CachedList>, valid_for: Duration) -> Decision {
        let denial = match self.find(list) {
            Ok(_) if self.facts.marks.was_removed => return Decision::Deny(Denial::Removed),
            Ok(listed) => {
                let is_attached = list.snapshot.list.is_only_attached(listed);
                let valid_for = match self.facts.attached {
                    AttachedState::Counts { left } if is_attached => valid_for.min(left),
                    _ => valid_for,
                };
                return Decision::Allow(Allowed { listed, valid_for });
            }
            Err(NotEntitled::TooOld) => {
                return match self.asked {
                    Asked::Nothing if self.is_outdated() => Decision::NeedsList(Needed::Stored),
                    _ => self.ask_attached(),
                };
            }
            Err(_) if self.session.is_some() && has_account_by_another_email(list, self.who) => {
                Denial::EmailChanged
            }
            Err(NotEntitled::Unknown) if self.lacks_attached(list) => return self.ask_attached(),
            Err(NotEntitled::Unknown) => {
                return Decision::Deny(Denial::Unavailable(SyncError::MembersWithheld));
            }
            Err(NotEntitled::NotListed) => Denial::NotListed,
            Err(NotEntitled::OtherAccount) => Denial::OtherAccount,
        };
        match self.asked {
            // A list that predates the session's own list is no evidence against it.
            Asked::Nothing if self.is_outdated() => Decision::NeedsList(Needed::Stored),
            Asked::Store(None) if self.is_outdated() => Decision::NeedsList(Needed::Newest),
            Asked::Heroku(_, Some(_)) if self.is_outdated() => self.unavailable(),
            Asked::Store(Some(_)) => self.unavailable(),
            Asked::Nothing | Asked::Store(None) if self.strictness.refetches_if_unlisted => {
                Decision::NeedsList(Needed::Newest)
            }
            _ if self.lacks_attached(list) => self.ask_attached(),
            // The budget exists for this case: the cached list decides.
            Asked::Heroku(_, Some(SyncError::OverBudget { .. }) | None) => Decision::Deny(denial),
            // The person may have been added since this list was fetched: neither admit nor reject.
            Asked::Heroku(..) if self.strictness.refetches_if_unlisted => self.unavailable(),
            _ => Decision::Deny(denial),
        }
    }

    fn find(&self, list: &CachedList) -> Result<Entitlement, NotEntitled> {
        let list = &list.snapshot.list;
        let attached = match self.facts.attached {
            AttachedState::TooOld { .. } => Attached::TooOld,
            _ => Attached::Counts,
        };
        list.entitlement(self.who.email, self.who.user_id, attached)
    }

    /// True if this list cannot deny before Heroku is asked about attached apps: it never was, or it was not
    /// since the rest of the list was fetched for this decision.
    fn lacks_attached(&self, list: &CachedList) -> bool {
        match (self.facts.attached, self.asked) {
            (AttachedState::Unwanted, _) => false,
            (AttachedState::Missing { .. }, _) => true,
            (_, Asked::Heroku(Needed::Newest, None)) => list.is_attached_before_own(),
            _ => false,
        }
    }

    /// Asks Heroku about attached apps, once for each decision, and only if no call has failed so far.
    fn ask_attached(&self) -> Decision {
        let (may_ask, force) = match self.facts.attached {
            AttachedState::TooOld { may_ask } | AttachedState::Missing { may_ask } => {
                (may_ask, false)
            }
            AttachedState::Counts { .. } | AttachedState::Unwanted => (true, true),
        };
        match self.asked {
            Asked::Heroku(Needed::Attached { .. }, _) => self.unavailable(),
            _ if self.failure().is_some() || !may_ask => self.unavailable(),
            _ => Decision::NeedsList(Needed::Attached { force }),
        }
    }

    fn began(&self) -> UnixTime {
        self.session.map_or(self.facts.now, |session| session.began)
    }

    fn last_attempt(&self) -> Attempt {
        match (self.asked, self.facts.last_attempt) {
            (Asked::Heroku(_, None), _) => Attempt::Answered,
            (Asked::Heroku(_, Some(_)), _) => Attempt::Unanswered,
            _ if self.strictness.refetches_old_list => Attempt::Due,
            // Another process has fetched a newer one, so the resource was in use.
            (_, Attempt::Unwanted | Attempt::Unknown) if self.is_outdated() => Attempt::Due,
            (_, last) => last,
        }
    }

    /// When a removal became pending that the list neither confirms nor refutes. Once Heroku has answered for
    /// it, none counts: a newer one is for the next decision.
    fn pending_removal(&self) -> Option<AsOf> {
        let is_answered = matches!(self.asked, Asked::Heroku(Needed::AskedSince(_), None));
        let since = self.facts.marks.pending_removal.filter(|_| !is_answered)?;
        let list = self.facts.list.as_ref();
        let is_open = list.is_none_or(|list| list.own_asked_at().is_before(&since));
        is_open.then_some(since)
    }

    /// True if there is no list, or a part of it predates the list that admitted the session: another
    /// process has a newer one.
    fn is_outdated(&self) -> bool {
        let version = self.facts.list.as_ref().map(|list| list.version());
        let is_older = |than| version.is_none_or(|version| version.is_outdated_by(than));
        self.session.is_some_and(|session| is_older(&session.list))
    }

    fn has_asked_heroku(&self) -> bool {
        matches!(self.asked, Asked::Heroku(..))
    }

    /// Why the store or Heroku did not answer.
    fn failure(&self) -> Option<&'a SyncError> {
        match self.asked {
            Asked::Store(failure) | Asked::Heroku(_, failure) => failure.as_ref(),
            Asked::Nothing => None,
        }
    }

    fn unavailable(&self) -> Decision {
        let failure = self.failure().cloned();
        Decision::Deny(Denial::Unavailable(
            failure.unwrap_or(SyncError::NoUsableList),
        ))
    }
}

fn has_account_by_another_email(list: &CachedList, who: Principal<'_>) -> bool {
    let account = who.user_id.filter(|_| who.is_account_proved);
    account.is_some() && {
        let mut members = list.snapshot.list.members();
        members.any(|member| member.user_id.as_ref() == account)
    }
}
