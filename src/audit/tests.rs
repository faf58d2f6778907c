//! One example of each event, as it is recorded, compared with `events.v1.json`.

use std::path::Path;
use std::sync::{Arc, mpsc};

use heroku_sso_store::{AbsenceKind, ResourceId, Role, SessionKey, UserId};
use http::HeaderMap;
use serde_json::Value;
use time::macros::datetime;

use super::{AuditEvent, AuditFunction, AuditHook, AuditKind, AuditLog, RequestId, Subject};
use crate::access::ListPolicy;
use crate::access::{AccessList, ListChange, People, Person, difference};
use crate::clock::ManualClock;
use crate::heroku::HerokuError;
use crate::sso::Proof;

const EVENTS: &str = include_str!("events.v1.json");

fn person(email: &str, account: Option<&UserId>, role: Role) -> Person {
    Person::new(email.parse().unwrap(), account.cloned(), Some(role))
}

fn changes(before: Option<Person>, now: Option<Person>) -> Vec<ListChange> {
    let list = |person: Option<Person>| {
        let people: People = person.into_iter().collect();
        AccessList::of_app(people, ListPolicy::Documented)
    };
    difference(&list(before), &list(now))
}

/// Every change that a list can have.
fn every_change() -> Vec<ListChange> {
    let account: UserId = "fedcba98-7654-3210-fedc-ba9876543210".parse().unwrap();
    let other: UserId = "fedcba98-7654-3210-fedc-000000000000".parse().unwrap();
    let ann = |account| Some(person("ann@example.com", account, Role::Member));
    let admin = person("ann@example.com", Some(&account), Role::Admin);
    let renamed = person("ann@new.example", Some(&account), Role::Member);
    let pairs = [
        (ann(None), ann(Some(&account))),
        (ann(Some(&other)), ann(Some(&account))),
        (ann(Some(&account)), ann(None)),
        (None, ann(Some(&account))),
        (ann(Some(&account)), Some(renamed)),
        (ann(Some(&account)), None),
        (ann(Some(&account)), Some(admin)),
    ];
    let changes = pairs.into_iter().flat_map(|(old, new)| changes(old, new));
    changes.collect()
}

fn record_all(log: &AuditLog) {
    let resource: ResourceId = "01234567-89ab-cdef-0123-456789abcdef".parse().unwrap();
    let email = "ann@example.com".parse().unwrap();
    let account: UserId = "fedcba98-7654-3210-fedc-ba9876543210".parse().unwrap();
    let session = SessionKey::of(b"a session id");
    let headers = [(
        "x-request-id".parse().unwrap(),
        "a-request-id".parse().unwrap(),
    )];
    let request = RequestId::of(&HeaderMap::from_iter(headers));
    let who = Subject {
        resource: Some(&resource),
        email: Some(&email),
        user_id: Some(&account),
        proof: Some(Proof::SignedEmail),
        session: Some(&session),
    };
    log.signed_in(&who, &request);
    let unsigned = Some(Proof::UnsignedEmail);
    log.signed_in(
        &Subject {
            proof: unsigned,
            ..who
        },
        &request,
    );
    log.signed_out(&who, &request);
    log.rejected(AuditKind::RequestRejected, &who, &request, "not_listed");
    log.rejected(
        AuditKind::SignInRejected,
        &Subject {
            session: None,
            ..who
        },
        &request,
        "the form was used before",
    );
    let reason = Some("not_listed");
    log.observed(
        AuditKind::RequestObserved,
        &who,
        &request,
        "rejected",
        reason,
    );
    let unknown = Subject::default();
    log.observed(
        AuditKind::SignInObserved,
        &unknown,
        &request,
        "undecided",
        None,
    );
    log.revoked(&resource, &email);
    log.all_revoked(&resource);
    log.session_ended(Some((&resource, &email)), &session);
    log.person_erased(2);
    for kind in [
        AuditKind::Provisioned,
        AuditKind::PlanChanged,
        AuditKind::Deprovisioned,
    ] {
        log.partner_call(kind, &resource, "done");
    }
    log.partner_call_rejected(&request, "wrong");
    log.needs_grant(&resource, &HerokuError::Redirected);
    log.resource_dormant(&resource, AbsenceKind::NotFound);
    log.resource_revived(&resource);
    log.resource_gone(&resource);
    log.dormancy_braked(7);
    for change in every_change() {
        log.list_changed(&resource, &change);
    }
}

/// As the partner's function gets them.
fn recorded() -> Vec<AuditEvent> {
    let (sender, events) = mpsc::channel();
    let function = AuditFunction::new(move |event| sender.send(event.clone()).unwrap());
    let hook = AuditHook::start(function).unwrap();
    let clock = ManualClock::at(datetime!(2026-01-01 12:00 UTC));
    record_all(&AuditLog::new(Arc::new(clock), Some(hook)));
    // The log is dropped, so the thread ends, and with it this loop.
    events.into_iter().collect()
}

/// If this fails, readers of the events fail too: undo the change, or raise [`AuditEvent::VERSION`] and
/// begin a file of that version. Only for an added field or event, run the test with `UPDATE_SNAPSHOT=1`.
#[test]
fn serialized_events_change_only_with_a_new_version() {
    let events = recorded();
    let text = serde_json::to_string_pretty(&events).unwrap() + "\n";
    if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/audit/events.v1.json");
        std::fs::write(file, &text).unwrap();
        return;
    }
    assert_eq!(text, EVENTS);
    let kinds: Vec<_> = events.iter().map(|event| event.event).collect();
    for kind in AuditKind::ALL {
        assert!(kinds.contains(kind), "no example of {}", kind.as_str());
    }
}

#[test]
fn events_of_this_version_are_read_as_they_were_written() {
    let events: Vec<AuditEvent> = serde_json::from_str(EVENTS).unwrap();
    assert_eq!(events, recorded());
    let written: Vec<Value> = serde_json::from_str(EVENTS).unwrap();
    for event in written {
        assert_eq!(event["version"], AuditEvent::VERSION);
    }
}

#[test]
fn unsigned_email_event_names_no_account() {
    let unsigned = Some(Proof::UnsignedEmail);
    for event in recorded() {
        let is_unsigned = event.proof == unsigned || event.event == AuditKind::UnsignedEmail;
        assert!(!is_unsigned || event.user_id.is_none(), "{event:?}");
    }
}
