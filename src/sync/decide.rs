//! May this person pass now? The one pure rule, asked at sign-ins, requests and streams alike.
//!
//! It does no I/O and awaits nothing. Where only a newer list can tell, it says so
//! ([`Decision::NeedsList`]); [`authorize`](super::authorize) fetches one and asks again.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::SyncError;
use super::held::{Held, ListVersion};
use super::moment::Moment;
use crate::access::{Email, Entitlement, NotEntitled};
use crate::cause;
use crate::ids::UserId;
use crate::lifespan::{Attempt, End, Lifespan, Limits, lifespan};
use crate::store::Ticket;

/// The person who asks, as their session or their sign-in names them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Principal<'a> {
    pub(crate) email: &'a Email,
    pub(crate) user_id: Option<&'a UserId>,
    /// Whether the account is proved, and not only claimed in the sign-in.
    pub(crate) is_account_proved: bool,
}

/// How the session began by which they ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionStart {
    pub(crate) began: OffsetDateTime,
    /// Of the sign-in: a later revocation has a greater one.
    pub(crate) ticket: Ticket,
    /// Of the list that admitted them.
    pub(crate) list: ListVersion,
}

/// What differs between a sign-in, a request and a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strictness {
    /// An old list is fetched again, whatever became of the last attempt.
    always_asks: bool,
    /// A list that lacks the person is fetched again, within a budget: a collaborator who was added a
    /// minute ago gets in.
    forces_refresh: bool,
    /// A person whom a notification removes waits for the list that confirms it, or not.
    awaits_pending_removal: bool,
}

/// The answer.
#[derive(Clone, Debug)]
pub(crate) enum Decision {
    Allow(Access),
    Deny(Denial),
    /// Only a newer list can tell.
    NeedsList(Needed),
}

/// That a list admits the person.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) list: Arc<Held>,
    pub(crate) listed: Entitlement,
    /// How long until this is to be asked again, unless something changes before.
    pub(crate) left: Duration,
}

/// Why the person does not pass.
#[derive(Clone, Debug)]
pub(crate) enum Denial {
    NotListed,
    /// The list has the email for another account.
    OtherAccount,
    /// The list has the account by another email.
    EmailChanged,
    /// The partner ended this person's sessions.
    Revoked,
    /// The person was off the list since the session began, and is back.
    Removed,
    SessionOver(End),
    Dormant,
    Gone,
    UnknownResource,
    /// Nothing can be said now; the session is kept.
    Unavailable(SyncError),
}

/// Which list is needed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Needed {
    /// The newest that other processes have stored.
    Stored,
    /// One with no part older than the refresh interval. `again` if the last attempt failed.
    Recent { again: bool },
    /// The same. If Heroku answers, no earlier attempt can have been in vain, and the session is over as
    /// [`End::Unused`].
    Probe,
    /// One whose own part was asked for since then.
    AskedSince(Moment),
    /// One whose every part is asked for now.
    Newest,
}

/// What was asked for this decision already.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Nothing,
    /// The store, and why it did not answer.
    Store(Option<SyncError>),
    /// Heroku, for this list, and why there was no answer.
    Heroku(Needed, Option<SyncError>),
}

/// What is known of a resource and a person at one moment.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) list: Option<Arc<Held>>,
    /// Of the list's oldest part.
    pub(super) age: Option<Duration>,
    /// What became of the last attempt to fetch a newer list. Of no account for a young one.
    pub(super) last_attempt: Attempt,
    /// The resource has ended since it was looked up.
    pub(super) has_ended: bool,
    pub(super) dormant: Option<Dormant>,
    pub(super) marks: Marks,
    pub(super) now: OffsetDateTime,
}

/// That the resource is dormant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dormant {
    /// It is time to ask for it again, and no sync does.
    pub(super) is_due: bool,
}

/// What is noted of one person at one resource.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    /// Since when a notification says that they may have left.
    pub(super) pending_removal: Option<Moment>,
    /// Sessions of an earlier sign-in are revoked.
    pub(super) revoked: Option<Ticket>,
    /// A list lacked them that is newer than the one that admitted the session.
    pub(super) was_removed: bool,
}

impl Strictness {
    pub(crate) const SIGN_IN: Self = Self {
        always_asks: true,
        forces_refresh: true,
        awaits_pending_removal: true,
    };
    pub(crate) const REQUEST: Self = Self {
        always_asks: false,
        forces_refresh: false,
        awaits_pending_removal: true,
    };
    pub(crate) const STREAM: Self = Self {
        awaits_pending_removal: false,
        ..Self::REQUEST
    };
}

/// The rule. `session` is none at a sign-in.
pub(super) fn decide(
    facts: &Facts,
    who: Principal<'_>,
    session: Option<&SessionStart>,
    strictness: Strictness,
    limits: &Limits,
    asked: &Asked,
) -> Decision {
    let failure = match asked {
        Asked::Store(failure) | Asked::Heroku(_, failure) => failure.as_ref(),
        Asked::Nothing => None,
    };
    match failure {
        Some(SyncError::Gone) => return Decision::Deny(Denial::Gone),
        _ if facts.has_ended => return Decision::Deny(Denial::Gone),
        Some(SyncError::UnknownResource) => return Decision::Deny(Denial::UnknownResource),
        _ => {}
    }
    let is_revoked = session.is_some_and(|session| facts.marks.revoked > Some(session.ticket));
    if is_revoked {
        return Decision::Deny(Denial::Revoked);
    }
    let began = session.map_or(facts.now, |session| session.began);
    if limits.latest_end(began) <= facts.now {
        return Decision::Deny(Denial::SessionOver(End::LongestLife));
    }
    let has_asked = matches!(asked, Asked::Heroku(..));
    if let Some(dormant) = facts.dormant {
        return match dormant.is_due && !has_asked {
            true => Decision::NeedsList(Needed::Recent { again: true }),
            false => Decision::Deny(Denial::Dormant),
        };
    }
    let is_outdated = is_outdated(facts, session);
    let is_young = facts.age.is_some_and(|age| age <= limits.refresh_interval);
    if is_outdated && !is_young && matches!(asked, Asked::Nothing) {
        return Decision::NeedsList(Needed::Stored);
    }
    let last_attempt = match (asked, facts.last_attempt) {
        (Asked::Heroku(_, None), _) => Attempt::Answered,
        (Asked::Heroku(_, Some(_)), _) => Attempt::Unanswered,
        _ if strictness.always_asks => Attempt::Due,
        // Another process has fetched a newer one, so the resource was in use.
        (_, Attempt::Unwanted | Attempt::Unknown) if is_outdated => Attempt::Due,
        (_, last) => last,
    };
    let life = match (
        lifespan(began, facts.age, last_attempt, limits, facts.now),
        asked,
    ) {
        (Lifespan::Over(end), _) => return Decision::Deny(Denial::SessionOver(end)),
        (_, Asked::Heroku(Needed::Probe, None)) => {
            return Decision::Deny(Denial::SessionOver(End::Unused));
        }
        (Lifespan::Probe, Asked::Nothing) => return Decision::NeedsList(Needed::Stored),
        (Lifespan::Probe, _) => return Decision::NeedsList(Needed::Probe),
        (life, _) => life,
    };
    let unavailable = || {
        let failure = failure.cloned().unwrap_or(SyncError::Interrupted);
        Decision::Deny(Denial::Unavailable(failure))
    };
    let own_part = facts.list.as_ref().map(|list| list.own_asked_at());
    // What comes while Heroku answers is no older than this decision.
    let is_answered = matches!(asked, Asked::Heroku(_, None));
    let pending = facts.marks.pending_removal.filter(|_| !is_answered);
    if let Some(since) = pending.filter(|since| own_part.is_none_or(|own| own.is_before(since))) {
        return match has_asked || !strictness.awaits_pending_removal {
            true => unavailable(),
            false => Decision::NeedsList(Needed::AskedSince(since)),
        };
    }
    let found = facts.list.as_ref().map(|list| {
        let found = list.snapshot.list.entitlement(who.email, who.user_id);
        (Arc::clone(list), found)
    });
    let is_listed = matches!(&found, Some((_, Ok(_))));
    let (left, (list, found)) = match (life, found) {
        (Lifespan::ByList { left }, Some(found)) => (left, found),
        (Lifespan::Fetch, _) if strictness.forces_refresh && !is_listed => {
            return Decision::NeedsList(Needed::Newest);
        }
        (Lifespan::Fetch, _) => {
            let again = strictness.always_asks || last_attempt == Attempt::Failing;
            return Decision::NeedsList(Needed::Recent { again });
        }
        _ => return unavailable(),
    };
    let denial = match found {
        Ok(listed) => {
            return match facts.marks.was_removed {
                true => Decision::Deny(Denial::Removed),
                false => Decision::Allow(Access { list, listed, left }),
            };
        }
        Err(_) if session.is_some() && has_account_by_another_email(&list, who) => {
            Denial::EmailChanged
        }
        Err(NotEntitled::Unknown) => Denial::Unavailable(SyncError::MembersWithheld),
        Err(NotEntitled::NotListed) => Denial::NotListed,
        Err(NotEntitled::OtherAccount) => Denial::OtherAccount,
    };
    match (&denial, asked) {
        (Denial::Unavailable(_), _) => Decision::Deny(denial),
        (_, Asked::Nothing) if is_outdated => Decision::NeedsList(Needed::Stored),
        (_, Asked::Store(Some(_))) => unavailable(),
        (_, Asked::Nothing | Asked::Store(_)) if strictness.forces_refresh => {
            Decision::NeedsList(Needed::Newest)
        }
        // What the budget is for: it answers by the list that there is.
        (_, Asked::Heroku(_, Some(SyncError::OverBudget { .. }) | None)) => Decision::Deny(denial),
        // Nothing is known of anyone whom an old list lacks.
        (_, Asked::Heroku(..)) if strictness.forces_refresh => unavailable(),
        _ => Decision::Deny(denial),
    }
}

/// True if a part of the list is from before the list that admitted the session: another process has a
/// newer one.
fn is_outdated(facts: &Facts, session: Option<&SessionStart>) -> bool {
    let version = facts.list.as_ref().map(|list| list.version());
    session.is_some_and(|session| version.is_none_or(|it| it.is_outdated_by(&session.list)))
}

fn has_account_by_another_email(list: &Held, who: Principal<'_>) -> bool {
    let account = who.user_id.filter(|_| who.is_account_proved);
    account.is_some() && {
        let mut members = list.snapshot.list.members();
        members.any(|member| member.user_id.as_ref() == account)
    }
}

impl Denial {
    /// For the audit event.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::NotListed => "the email is not on the list".to_owned(),
            Self::OtherAccount => "the email is another account's".to_owned(),
            Self::EmailChanged => "the account has another email on the list".to_owned(),
            Self::Revoked => "the sessions were revoked".to_owned(),
            Self::Removed => "the email was off the list since the sign-in".to_owned(),
            Self::SessionOver(End::LongestLife) => "the session has reached max_session".to_owned(),
            Self::SessionOver(End::Unused) => {
                "the resource was not used until its list was too old".to_owned()
            }
            Self::Dormant => SyncError::Dormant.to_string(),
            Self::Gone => SyncError::Gone.to_string(),
            Self::UnknownResource => "the resource is not registered".to_owned(),
            Self::Unavailable(error) => cause::with(error),
        }
    }

    /// When it is worth asking again; none if waiting changes nothing.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable(error) => Some(error.retry_after()),
            _ => None,
        }
    }
}

impl From<SyncError> for Denial {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Dormant => Self::Dormant,
            SyncError::Gone => Self::Gone,
            SyncError::UnknownResource => Self::UnknownResource,
            other => Self::Unavailable(other),
        }
    }
}
