//! The truth table of access: the answer at a sign-in, a request and a stream, for every combination of facts
//! about a resource, a person and a session.
//!
//! `expected` is the table, written independently of the code that it checks. Own logins and bearer tokens
//! are not separate rows: a login without an account cannot meet `OtherAccount`, unless the account is
//! disputed. Removals and lists from before the session are in `tests/suite/removals.rs` and `restart.rs`.

#![cfg(test)]

use std::time::Duration;

mod scene;

/// The newest list in memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum List {
    None,
    Young,
    Old,
    TooOld,
    /// Young, and without the team's members.
    Partial,
}

/// The last attempt to fetch a newer one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Last {
    /// No attempt, because nothing used the resource.
    Unwanted,
    /// No attempt, and the resource is in use.
    Due,
    /// It failed a moment ago.
    Failing,
    /// Unknown, because the list is from before this process.
    Unknown,
}

/// What Heroku answers if it is asked now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Heroku {
    Lists,
    Lacks,
    Fails,
}

/// The person on the list in memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Who {
    Listed,
    Unlisted,
    OtherAccount,
    /// The account is listed with another email.
    OtherEmail,
}

/// Something that happened to a person, in the order of sequence numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum When {
    Never,
    Before,
    After,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Resource {
    Active,
    Dormant,
    Ended,
    Unknown,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    SignIn,
    Request,
    Stream,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    at: At,
    resource: Resource,
    list: List,
    last: Last,
    heroku: Heroku,
    who: Who,
    /// Before or after the list was requested.
    pending_removal: When,
    /// Before or after the sign-in.
    revoked: When,
    past_max_session: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    Allow,
    NotListed,
    OtherAccount,
    EmailChanged,
    Revoked,
    MaxSession,
    Unused,
    Dormant,
    Unknown,
    Gone,
    Unavailable,
    /// For a stream: any of these but `Allow`.
    Ends,
}

/// The decision of the newest list alone.
fn by_list(case: &Case) -> Answer {
    match (case.who, case.list) {
        (Who::Listed, _) => Answer::Allow,
        (Who::OtherEmail, _) if case.at != At::SignIn => Answer::EmailChanged,
        (Who::OtherAccount, _) => Answer::OtherAccount,
        (Who::Unlisted | Who::OtherEmail, List::Partial) => Answer::Unavailable,
        (Who::Unlisted | Who::OtherEmail, _) => Answer::NotListed,
    }
}

/// The decision of the list that Heroku answers with.
fn by_heroku(case: &Case) -> Answer {
    let is_partial = case.list == List::Partial;
    match case.heroku {
        Heroku::Lists => Answer::Allow,
        Heroku::Lacks if is_partial => Answer::Unavailable,
        Heroku::Lacks => Answer::NotListed,
        Heroku::Fails => Answer::Unavailable,
    }
}

/// The table.
fn expected(case: &Case) -> Answer {
    let is_sign_in = case.at == At::SignIn;
    match case.resource {
        Resource::Unknown => return Answer::Unknown,
        Resource::Ended => return Answer::Gone,
        _ if !is_sign_in && case.revoked == When::After => return Answer::Revoked,
        Resource::Dormant if !is_sign_in && case.past_max_session => return Answer::MaxSession,
        Resource::Dormant => return Answer::Dormant,
        Resource::Active => {}
    }
    if !is_sign_in && case.past_max_session {
        return Answer::MaxSession;
    }
    if case.at == At::Stream && case.list == List::None {
        return Answer::Ends;
    }
    let is_unused = case.list == List::TooOld
        && match case.last {
            Last::Unwanted => true,
            // An answer shows that no earlier attempt can have failed.
            Last::Unknown => case.heroku != Heroku::Fails,
            Last::Due | Last::Failing => false,
        };
    if !is_sign_in && is_unused {
        return Answer::Unused;
    }
    if case.list != List::None && case.pending_removal == When::After {
        // Only a list that was requested after the notification can decide, and a stream does not wait for
        // it.
        return match case.at {
            At::Stream => Answer::Ends,
            _ => by_heroku(case),
        };
    }
    let is_young = matches!(case.list, List::Young | List::Partial);
    if is_young {
        return match (by_list(case), is_sign_in) {
            // The person may have been added a moment ago.
            (Answer::NotListed | Answer::OtherAccount, true) => by_heroku(case),
            (answer, _) => answer,
        };
    }
    // A session does not wait for a fetch that has just failed; a sign-in does.
    let waits = is_sign_in || case.list != List::Old || case.last != Last::Failing;
    if !waits {
        return by_list(case);
    }
    match (case.heroku, case.list) {
        (Heroku::Fails, List::Old) => match (by_list(case), is_sign_in) {
            // An old list cannot rule out a person who was added since.
            (Answer::NotListed | Answer::OtherAccount, true) => Answer::Unavailable,
            (answer, _) => answer,
        },
        _ => by_heroku(case),
    }
}

/// The answer as far as a caller can distinguish it.
fn as_seen_by_caller(case: &Case, answer: Answer) -> Answer {
    match (case.at, answer) {
        (At::Stream, Answer::Allow) => Answer::Allow,
        (At::Stream, _) => Answer::Ends,
        (_, answer) => answer,
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let whens = [When::Never, When::Before, When::After];
    for at in [At::SignIn, At::Request, At::Stream] {
        for list in [
            List::None,
            List::Young,
            List::Old,
            List::TooOld,
            List::Partial,
        ] {
            for last in [Last::Unwanted, Last::Due, Last::Failing, Last::Unknown] {
                for heroku in [Heroku::Lists, Heroku::Lacks, Heroku::Fails] {
                    for who in [
                        Who::Listed,
                        Who::Unlisted,
                        Who::OtherAccount,
                        Who::OtherEmail,
                    ] {
                        for pending_removal in whens {
                            for revoked in whens {
                                for past_max_session in [false, true] {
                                    for resource in [
                                        Resource::Active,
                                        Resource::Dormant,
                                        Resource::Ended,
                                        Resource::Unknown,
                                    ] {
                                        cases.push(Case {
                                            at,
                                            resource,
                                            list,
                                            last,
                                            heroku,
                                            who,
                                            pending_removal,
                                            revoked,
                                            past_max_session,
                                        });
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    // Drops cases whose answer another row covers.
    cases.retain(|case| {
        let has_session = case.at != At::SignIn;
        let is_plain =
            case.list == List::Young && case.last == Last::Due && case.heroku == Heroku::Lists;
        (has_session || (case.revoked == When::Never && !case.past_max_session))
            && (case.resource == Resource::Active || (is_plain && case.who == Who::Listed))
            && (case.list != List::None
                || (case.who == Who::Listed && case.pending_removal == When::Never))
            && (!case.past_max_session || case.heroku == Heroku::Lists)
            && (case.revoked != When::After
                || (case.heroku == Heroku::Lists && case.last == Last::Due))
    });
    cases
}

#[tokio::test]
async fn every_case_gets_the_answer_in_the_table() {
    let scene = scene::Scene::set().await;
    let cases = cases();
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let answer = scene.answer(case, number).await;
        let expected = as_seen_by_caller(case, expected(case));
        if answer != expected {
            wrong.push(format!("{answer:?}, expected {expected:?}: {case:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn stream_is_checked_when_its_list_expires_or_every_minute() {
    let scene = scene::Scene::set().await;
    let case = |list, heroku| Case {
        at: At::Stream,
        resource: Resource::Active,
        list,
        last: Last::Due,
        heroku,
        who: Who::Listed,
        pending_removal: When::Never,
        revoked: When::Never,
        past_max_session: false,
    };
    // Its list is a second old, and counts up to and including the refresh interval.
    let young = scene.may_stay(&case(List::Young, Heroku::Lists), 0).await;
    let left = scene::REFRESH - Duration::from_millis(999);
    assert_eq!(young, Some(left));
    // No newer list is available.
    let old = scene.may_stay(&case(List::Old, Heroku::Fails), 1).await;
    assert_eq!(old, Some(Duration::from_secs(60)));
}
