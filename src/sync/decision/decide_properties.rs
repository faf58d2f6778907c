//! Properties of [`decide`] over a grid of inputs, without accounts and team members.

#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::{Email, Sequence};
use time::OffsetDateTime;

use super::decide::{
    Asked, AttachedState, Decision, Dormant, Facts, Needed, SessionStart, Strictness, decide,
};
use super::denial::Denial;
use crate::access::ListPolicy;
use crate::access::{App, AttachedPeople, People, Person, ResourceList, Team};
use crate::clock::{ManualClock, SharedClock};
use crate::lifespan::{Attempt, Limits};
use crate::sync::SyncError;
use crate::sync::state::as_of::AsOf;
use crate::sync::state::cached_list::{CachedList, ListVersion, OwnList};
use crate::sync::state::member_list::Members;
use crate::sync::state::person_marks::{Marks, Principal};

pub(super) const LIMITS: Limits = Limits {
    refresh_interval: Duration::from_secs(300),
    max_list_age: Duration::from_secs(600),
    max_session: Duration::from_secs(5_400),
};
pub(super) const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
/// The sequence number of the newest list.
pub(super) const LIST: i64 = 10;

struct Case {
    facts: Facts,
    session: Option<SessionStart>,
    strictness: Strictness,
    asked: Asked,
}

pub(super) fn ann() -> Email {
    "ann@example.com".parse().unwrap()
}

pub(super) fn moment(sequence: i64) -> AsOf {
    let clock: SharedClock = Arc::new(ManualClock::at(NOW));
    AsOf::now(&clock, Sequence::new(sequence))
}

fn list(has_ann: bool, is_partial: bool) -> Arc<CachedList> {
    let ann = has_ann.then(|| Person::new(ann(), None, None));
    list_of(ann.into_iter().collect(), is_partial)
}

pub(super) fn list_of(people: People, is_partial: bool) -> Arc<CachedList> {
    cached(own_list(people, is_partial))
}

fn own_list(people: People, is_partial: bool) -> ResourceList {
    let app = App::new(
        "00000000-0000-4000-8000-000000000001".parse().unwrap(),
        "shop",
    );
    let mut list = ResourceList::new("acme-1", app, people);
    if is_partial {
        list = list.with_team(Team::new("team-1".parse().unwrap(), "team"));
    }
    list
}

pub(super) fn list_with_attached(
    people: People,
    attached: AttachedPeople,
    is_partial: bool,
) -> Arc<CachedList> {
    let mut list = own_list(people, is_partial);
    list.attached = Some(attached);
    cached(list)
}

fn cached(list: ResourceList) -> Arc<CachedList> {
    let own = OwnList {
        list,
        etags: None,
        asked_at: moment(LIST),
    };
    Arc::new(CachedList::new(
        own,
        &Members::Withheld,
        ListPolicy::Documented,
        None,
    ))
}

fn asked() -> Vec<Asked> {
    let wait = || SyncError::OverBudget {
        retry_after: Duration::from_secs(1),
    };
    let failures = [
        None,
        Some(wait()),
        Some(SyncError::NoTokens),
        Some(SyncError::Gone),
        Some(SyncError::UnknownResource),
    ];
    let needed = [
        Needed::Recent {
            charge_resource: false,
        },
        Needed::RecentOrUnused,
        Needed::AskedSince(moment(LIST + 1)),
        Needed::Newest,
    ];
    let heroku = needed.into_iter().flat_map(|needed| {
        let failures = failures.clone().into_iter();
        failures.map(move |failure| Asked::Heroku(needed, failure))
    });
    let store = [None, Some(SyncError::NoTokens)].map(Asked::Store);
    [Asked::Nothing]
        .into_iter()
        .chain(store)
        .chain(heroku)
        .collect()
}

fn sessions() -> Vec<Option<SessionStart>> {
    let session = |began: i64, list: i64| {
        Some(SessionStart {
            began: (NOW - Duration::from_secs(began.unsigned_abs())).into(),
            sequence: Sequence::new(LIST + 2),
            list: ListVersion {
                own: Sequence::new(list),
                members: None,
                attached: None,
            },
        })
    };
    // Admitted by this list, by an earlier one, by one that only another process has; and one session past
    // its end.
    vec![
        None,
        session(60, LIST),
        session(60, LIST - 5),
        session(60, LIST + 1),
        session(5_400, LIST),
    ]
}

fn for_each_case(mut check: impl FnMut(&Case, &Decision)) {
    let lists = [
        None,
        Some(list(true, false)),
        Some(list(false, false)),
        Some(list(false, true)),
    ];
    let attempts = [
        Attempt::Unwanted,
        Attempt::Unknown,
        Attempt::Due,
        Attempt::Failing,
        Attempt::Answered,
        Attempt::Unanswered,
    ];
    let dormants = [
        None,
        Some(Dormant { is_due: true }),
        Some(Dormant { is_due: false }),
    ];
    let pending = [None, Some(LIST - 1), Some(LIST + 1)];
    let revoked = [None, Some(LIST + 1), Some(LIST + 3)];
    let (asked, sessions) = (asked(), sessions());
    for list in &lists {
        for age in [100, 400, 700] {
            for last_attempt in attempts {
                for dormant in dormants {
                    for (pending, revoked) in
                        pending.iter().flat_map(|it| revoked.map(|re| (it, re)))
                    {
                        for was_removed in [false, true] {
                            let facts = Facts {
                                list: list.clone(),
                                age: list.as_ref().map(|_| Duration::from_secs(age)),
                                last_attempt,
                                has_ended: false,
                                dormant,
                                marks: Marks {
                                    pending_removal: pending.map(moment),
                                    revoked: revoked.map(Sequence::new),
                                    was_removed,
                                },
                                attached: AttachedState::Unwanted,
                                now: NOW.into(),
                            };
                            for session in &sessions {
                                for asked in &asked {
                                    for strictness in strictness_of(session.is_some()) {
                                        let case = Case {
                                            facts: facts.clone(),
                                            session: *session,
                                            strictness,
                                            asked: asked.clone(),
                                        };
                                        check(&case, &answer(&case));
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn strictness_of(has_session: bool) -> Vec<Strictness> {
    match has_session {
        true => vec![Strictness::REQUEST, Strictness::STREAM],
        false => vec![Strictness::SIGN_IN],
    }
}

fn answer(case: &Case) -> Decision {
    let email = ann();
    let who = Principal {
        email: &email,
        user_id: None,
        is_account_proved: true,
    };
    let (facts, session, asked) = (&case.facts, case.session.as_ref(), &case.asked);
    decide(facts, who, session, case.strictness, &LIMITS, asked)
}

#[test]
fn decide_asks_for_at_most_one_fetch() {
    let mut needs = 0;
    for_each_case(|case, decision| {
        let Decision::NeedsList(needed) = decision else {
            return;
        };
        needs += 1;
        match case.asked {
            Asked::Heroku(..) => panic!("{needed:?} after a fetch"),
            Asked::Store(_) => assert_ne!(*needed, Needed::Stored),
            Asked::Nothing => {}
        }
        let is_of_session = matches!(needed, Needed::Stored | Needed::RecentOrUnused);
        assert!(!is_of_session || case.session.is_some());
        let is_outdated = case
            .session
            .is_some_and(|it| Sequence::new(LIST) < it.list.own);
        assert!(*needed != Needed::Newest || case.session.is_none() || is_outdated);
    });
    assert!(needs > 1_000, "{needs}");
}

#[test]
fn allowed_case_meets_every_precondition() {
    let mut allowed = 0;
    for_each_case(|case, decision| {
        let Decision::Allow(access) = decision else {
            return;
        };
        allowed += 1;
        let facts = &case.facts;
        assert!(facts.age.unwrap() <= LIMITS.max_list_age);
        assert!(facts.dormant.is_none());
        let is_answered = matches!(case.asked, Asked::Heroku(Needed::AskedSince(_), None));
        let pending = facts.marks.pending_removal;
        assert!(is_answered || pending.is_none_or(|since| since.sequence <= Sequence::new(LIST)));
        assert!(!access.valid_for.is_zero());
        if let Some(session) = case.session {
            assert!(facts.marks.revoked <= Some(session.sequence));
            assert!(!facts.marks.was_removed);
            assert!(LIMITS.longest_left(session.began, facts.now).is_some());
        }
    });
    assert!(allowed > 1_000, "{allowed}");
}

#[test]
fn ended_resource_is_always_denied_as_gone() {
    for_each_case(|case, decision| {
        if let Asked::Heroku(_, Some(SyncError::Gone)) = case.asked {
            assert!(matches!(decision, Decision::Deny(Denial::Gone)));
        }
        if let Asked::Heroku(_, Some(SyncError::UnknownResource)) = case.asked {
            assert!(matches!(decision, Decision::Deny(Denial::UnknownResource)));
        }
        let facts = Facts {
            has_ended: true,
            ..case.facts.clone()
        };
        let ended = answer(&Case {
            facts,
            session: case.session,
            strictness: case.strictness,
            asked: case.asked.clone(),
        });
        assert!(matches!(ended, Decision::Deny(Denial::Gone)));
    });
}

/// With attached apps: the same list, in each state of their part. What precedes any list is left out.
fn for_each_attached_case(mut check: impl FnMut(&Case, &Decision)) {
    let may_ask = [false, true];
    let states = may_ask.into_iter().flat_map(|may_ask| {
        [
            AttachedState::TooOld { may_ask },
            AttachedState::Missing { may_ask },
            AttachedState::Counts {
                left: Duration::from_secs(7),
            },
        ]
    });
    let states: Vec<_> = states.collect();
    for_each_case(|case, _| {
        if case.facts.dormant.is_some() || case.facts.marks.revoked.is_some() {
            return;
        }
        let mut asked = vec![case.asked.clone()];
        if matches!(case.asked, Asked::Nothing) {
            let failures = [None, Some(SyncError::NoTokens)];
            asked.extend(failures.map(|it| Asked::Heroku(Needed::Attached { force: true }, it)));
        }
        for asked in asked {
            for attached in &states {
                let case = Case {
                    facts: Facts {
                        attached: *attached,
                        ..case.facts.clone()
                    },
                    session: case.session,
                    strictness: case.strictness,
                    asked: asked.clone(),
                };
                check(&case, &answer(&case));
            }
        }
    });
}

#[test]
fn attached_apps_are_asked_for_last_and_at_most_once() {
    let mut needs = 0;
    for_each_attached_case(|case, decision| match (decision, &case.asked) {
        (Decision::NeedsList(needed), Asked::Heroku(asked, failure)) => {
            needs += 1;
            assert!(matches!(needed, Needed::Attached { .. }), "{needed:?}");
            assert!(!matches!(asked, Needed::Attached { .. }));
            assert!(failure.is_none());
        }
        (Decision::NeedsList(Needed::Attached { force }), asked) => {
            needs += 1;
            assert!(!force && !matches!(asked, Asked::Store(Some(_))));
        }
        _ => {}
    });
    assert!(needs > 1_000, "{needs}");
}

#[test]
fn list_without_a_part_about_attached_apps_never_denies() {
    for_each_attached_case(|case, decision| {
        if matches!(case.facts.attached, AttachedState::Missing { .. }) {
            let is_denial = matches!(decision, Decision::Deny(Denial::NotListed));
            assert!(!is_denial, "{:?}", case.asked);
        }
    });
}

#[test]
fn failed_lookup_never_gives_not_listed_or_unused() {
    for_each_case(|case, decision| {
        let Decision::Deny(denial) = decision else {
            return;
        };
        let store_failed = matches!(case.asked, Asked::Store(Some(_)));
        let is_outdated = case
            .session
            .is_some_and(|it| Sequence::new(LIST) < it.list.own);
        let heroku_failed = matches!(case.asked, Asked::Heroku(_, Some(_)));
        if matches!(denial, Denial::NotListed) && is_outdated {
            assert!(!store_failed && !heroku_failed && !matches!(case.asked, Asked::Nothing));
        }
        // Only an answer from Heroku shows that nothing used the resource.
        let ends_unused = matches!(denial, Denial::SessionOver(crate::lifespan::End::Unused));
        let is_unwanted = case.facts.last_attempt == Attempt::Unwanted;
        assert!(!ends_unused || is_unwanted || !(heroku_failed || store_failed));
    });
}
