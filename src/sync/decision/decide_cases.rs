//! Single cases of [`decide`]: each term of the rule decides one of them.

#![cfg(test)]

use std::time::Duration;

use heroku_sso_store::{Sequence, UserId};

use super::decide::{
    Asked, AttachedState, Decision, Dormant, Facts, Needed, SessionStart, Strictness, decide,
};
use super::decide_properties::{LIMITS, LIST, NOW, ann, list_of, moment};
use super::denial::Denial;
use crate::access::Person;
use crate::lifespan::{Attempt, End};
use crate::sync::SyncError;
use crate::sync::state::cached_list::ListVersion;
use crate::sync::state::person_marks::{Marks, Principal};

const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const YOUNG: Duration = Duration::from_secs(100);
/// Past the refresh interval, within `max_list_age`.
const OLD: Duration = Duration::from_secs(400);
/// Past `max_list_age`.
const TOO_OLD: Duration = Duration::from_secs(700);
const RECENT: Needed = Needed::Recent {
    charge_resource: false,
};
const RECENT_AT_A_CHARGE: Needed = Needed::Recent {
    charge_resource: true,
};

/// What is asked, and of what state. By default a request of Ann's, whose session the list admitted.
pub(super) struct Question {
    pub(super) facts: Facts,
    session: Option<SessionStart>,
    strictness: Strictness,
    user_id: Option<UserId>,
    is_account_proved: bool,
}

#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    Allow,
    Needs(Needed),
    NotListed,
    EmailChanged,
    Revoked,
    Over(End),
    Dormant,
    Unavailable,
}

use Answer::{Allow, Needs, NotListed, Over, Unavailable};

/// A request with a list of this age that has Ann, and of a resource in use.
pub(super) fn request(age: Duration) -> Question {
    let ann = Person::new(ann(), None, None);
    Question {
        facts: Facts {
            list: Some(list_of([ann].into_iter().collect(), false)),
            age: Some(age),
            last_attempt: Attempt::Due,
            has_ended: false,
            dormant: None,
            marks: Marks::default(),
            attached: AttachedState::Unwanted,
            now: NOW.into(),
        },
        session: Some(SessionStart {
            began: (NOW - Duration::from_secs(60)).into(),
            sequence: Sequence::new(LIST + 2),
            list: version(LIST),
        }),
        strictness: Strictness::REQUEST,
        user_id: None,
        is_account_proved: true,
    }
}

pub(super) fn sign_in(age: Duration) -> Question {
    Question {
        session: None,
        strictness: Strictness::SIGN_IN,
        is_account_proved: false,
        ..request(age)
    }
}

fn version(own: i64) -> ListVersion {
    ListVersion {
        own: Sequence::new(own),
        members: None,
        attached: None,
    }
}

impl Question {
    fn without_ann(mut self) -> Self {
        self.facts.list = Some(list_of([].into_iter().collect(), false));
        self
    }

    fn last(mut self, last_attempt: Attempt) -> Self {
        self.facts.last_attempt = last_attempt;
        self
    }

    /// Another process has a newer list, which admitted the session.
    pub(super) fn of_another_process(mut self) -> Self {
        if let Some(session) = &mut self.session {
            session.list = version(LIST + 1);
        }
        self
    }

    fn pending_removal(mut self, sequence: i64) -> Self {
        self.facts.marks.pending_removal = Some(moment(sequence));
        self
    }

    /// Her account is listed, with another email.
    fn with_another_email(mut self) -> Self {
        let account: UserId = "01234567-89ab-cdef-0123-456789abcdef".parse().unwrap();
        let email = "ann@new.example".parse().unwrap();
        let person = Person::new(email, Some(account.clone()), None);
        self.facts.list = Some(list_of([person].into_iter().collect(), false));
        self.user_id = Some(account);
        self
    }

    fn dormant(mut self, is_due: bool) -> Self {
        self.facts.dormant = Some(Dormant { is_due });
        self
    }

    fn began(mut self, ago: Duration) -> Self {
        if let Some(session) = &mut self.session {
            session.began = (NOW - ago).into();
        }
        self
    }

    pub(super) fn decision(&self, asked: &Asked) -> Decision {
        let email = ann();
        let who = Principal {
            email: &email,
            user_id: self.user_id.as_ref(),
            is_account_proved: self.is_account_proved,
        };
        let (session, strictness) = (self.session.as_ref(), self.strictness);
        decide(&self.facts, who, session, strictness, &LIMITS, asked)
    }

    pub(super) fn answer(&self, asked: &Asked) -> Answer {
        match self.decision(asked) {
            Decision::Allow(_) => Allow,
            Decision::NeedsList(needed) => Needs(needed),
            Decision::Deny(Denial::NotListed) => NotListed,
            Decision::Deny(Denial::EmailChanged) => Answer::EmailChanged,
            Decision::Deny(Denial::Revoked) => Answer::Revoked,
            Decision::Deny(Denial::SessionOver(end)) => Over(end),
            Decision::Deny(Denial::Dormant) => Answer::Dormant,
            Decision::Deny(Denial::Unavailable(_)) => Unavailable,
            Decision::Deny(other) => panic!("{other:?}"),
        }
    }

    pub(super) fn first(&self) -> Answer {
        self.answer(&Asked::Nothing)
    }
}

/// The store was asked, and has nothing newer.
pub(super) fn stored() -> Asked {
    Asked::Store(None)
}

pub(super) fn failed() -> Option<SyncError> {
    Some(SyncError::NoTokens)
}

#[test]
fn revocation_ends_sessions_of_earlier_sign_ins_only() {
    for (revoked, answer) in [
        (LIST + 1, Allow),
        (LIST + 2, Allow),
        (LIST + 3, Answer::Revoked),
    ] {
        let mut request = request(YOUNG);
        request.facts.marks.revoked = Some(Sequence::new(revoked));
        assert_eq!(request.first(), answer, "{revoked}");
    }
}

#[test]
fn dormant_resource_is_polled_once_when_due() {
    let due = request(YOUNG).dormant(true);
    assert_eq!(due.first(), Needs(RECENT_AT_A_CHARGE));
    let answered = Asked::Heroku(RECENT_AT_A_CHARGE, None);
    assert_eq!(due.answer(&answered), Answer::Dormant);
    assert_eq!(request(YOUNG).dormant(false).first(), Answer::Dormant);
}

#[test]
fn session_at_a_dormant_resource_ends_at_max_session() {
    let request = || request(YOUNG).dormant(false);
    let end = LIMITS.max_session;
    assert_eq!(request().began(end).first(), Over(End::LongestLife));
    let before = request().began(end - MILLISECOND);
    assert_eq!(before.first(), Answer::Dormant);
}

#[test]
fn list_up_to_the_refresh_interval_decides_without_the_store() {
    for age in [YOUNG, LIMITS.refresh_interval] {
        assert_eq!(request(age).of_another_process().first(), Allow, "{age:?}");
    }
    let older = request(LIMITS.refresh_interval + MILLISECOND);
    assert_eq!(older.first(), Needs(RECENT));
    let outdated = older.of_another_process();
    assert_eq!(outdated.first(), Needs(Needed::Stored));
    assert_eq!(outdated.answer(&stored()), Needs(RECENT));
}

#[test]
fn request_without_a_list_asks_the_store_first() {
    let mut request = request(YOUNG);
    (request.facts.list, request.facts.age) = (None, None);
    assert_eq!(request.first(), Needs(Needed::Stored));
    assert_eq!(request.answer(&stored()), Needs(RECENT));
}

#[test]
fn list_older_than_the_sessions_own_rejects_no_one() {
    let request = request(YOUNG).without_ann();
    assert_eq!(request.first(), NotListed);
    let request = request.of_another_process();
    assert_eq!(request.first(), Needs(Needed::Stored));
    assert_eq!(request.answer(&Asked::Store(failed())), Unavailable);
    assert_eq!(request.answer(&stored()), Needs(Needed::Newest));
    let unanswered = Asked::Heroku(Needed::Newest, failed());
    assert_eq!(request.answer(&unanswered), Unavailable);
    let answered = Asked::Heroku(Needed::Newest, None);
    assert_eq!(request.answer(&answered), NotListed);
}

#[test]
fn sign_in_with_an_old_list_fetches_it_and_members_if_unlisted() {
    assert_eq!(sign_in(OLD).first(), Needs(RECENT_AT_A_CHARGE));
    let unlisted = sign_in(OLD).without_ann();
    assert_eq!(unlisted.first(), Needs(Needed::Newest));
    // A request has its session: the list needs no part that is newer than the interval.
    assert_eq!(request(OLD).without_ann().first(), Needs(RECENT));
}

#[test]
fn fetch_after_a_failed_attempt_draws_on_the_resources_budget() {
    let after = |last| request(TOO_OLD).last(last).first();
    assert_eq!(after(Attempt::Due), Needs(RECENT));
    assert_eq!(after(Attempt::Failing), Needs(RECENT_AT_A_CHARGE));
}

#[test]
fn newer_list_of_another_process_shows_that_it_was_in_use() {
    for last in [Attempt::Unwanted, Attempt::Unknown] {
        let request = request(TOO_OLD).last(last).of_another_process();
        assert_eq!(request.first(), Needs(Needed::Stored), "{last:?}");
        assert_eq!(request.answer(&stored()), Needs(RECENT), "{last:?}");
    }
    let unused = request(TOO_OLD).last(Attempt::Unwanted);
    assert_eq!(unused.first(), Over(End::Unused));
}

#[test]
fn session_of_unknown_use_ends_only_by_an_answer_from_heroku() {
    let request = request(TOO_OLD).last(Attempt::Unknown);
    assert_eq!(request.first(), Needs(Needed::Stored));
    assert_eq!(request.answer(&Asked::Store(failed())), Unavailable);
    let probe = Needed::RecentOrUnused;
    assert_eq!(request.answer(&stored()), Needs(probe));
    assert_eq!(request.answer(&Asked::Heroku(probe, failed())), Unavailable);
    let answered = Asked::Heroku(probe, None);
    assert_eq!(request.answer(&answered), Over(End::Unused));
}

#[test]
fn list_that_was_requested_after_a_pending_removal_decides() {
    for (removal, answer) in [
        (LIST - 1, Allow),
        (LIST, Allow),
        (LIST + 1, Needs(Needed::AskedSince(moment(LIST + 1)))),
    ] {
        let request = request(YOUNG).pending_removal(removal);
        assert_eq!(request.first(), answer, "{removal}");
    }
}

#[test]
fn removal_reported_during_its_fetch_is_for_the_next_decision() {
    let request = request(YOUNG).pending_removal(LIST + 3);
    let since = Needed::AskedSince(moment(LIST - 1));
    assert_eq!(request.answer(&Asked::Heroku(since, None)), Allow);
    let unanswered = Asked::Heroku(since, failed());
    assert_eq!(request.answer(&unanswered), Unavailable);
}

#[test]
fn email_has_changed_only_for_the_proved_account_of_a_session() {
    let request = || request(YOUNG).with_another_email();
    assert_eq!(request().first(), Answer::EmailChanged);
    let claimed = Question {
        is_account_proved: false,
        ..request()
    };
    assert_eq!(claimed.first(), NotListed);
    let sign_in = Question {
        is_account_proved: true,
        ..sign_in(YOUNG).with_another_email()
    };
    assert_eq!(sign_in.first(), Needs(Needed::Newest));
    let answered = Asked::Heroku(Needed::Newest, None);
    assert_eq!(sign_in.answer(&answered), NotListed);
}

#[test]
fn account_that_no_list_names_is_nobody_elses() {
    let mut request = request(YOUNG);
    let bob = Person::new("bob@example.com".parse().unwrap(), None, None);
    request.facts.list = Some(list_of([bob].into_iter().collect(), false));
    assert_eq!(request.first(), NotListed);
}

#[test]
fn list_from_the_store_that_is_not_outdated_rejects_without_heroku() {
    let request = request(YOUNG).without_ann();
    assert_eq!(request.answer(&stored()), NotListed);
}
