//! Sessions.

use std::time::Duration;

use super::values::{active, email, find, insert, listed, now, records, resource, session};
use crate::clock;
use crate::record::Revocation;
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::session_record::SessionKind;
use crate::store::Store;

/// A session is read as it was written.
pub async fn session_round_trips(store: impl Store) {
    let id = resource(1);
    active(&store, &id).await;
    let ann = session(1, id, "ann@example.com");
    assert_eq!(find(&store, &ann).await, None);
    insert(&store, &ann).await;
    assert_eq!(find(&store, &ann).await, Some(ann.clone()));
    for kind in [SessionKind::Bearer, SessionKind::OwnLogin] {
        let mut other = session(2, id, "ann@example.com");
        other.key = SessionKey::from_stored(kind.as_str());
        other.kind = kind;
        insert(&store, &other).await;
        assert_eq!(find(&store, &other).await, Some(other));
    }
}

/// No session of a resource that is not active is stored.
pub async fn session_of_a_resource_that_is_not_active_is_not_stored(store: impl Store) {
    let (unknown, closing, ended) = (resource(1), resource(2), resource(3));
    active(&store, &closing).await;
    assert!(store.begin_deprovisioning(&closing).await.unwrap());
    active(&store, &ended).await;
    assert!(store.end(&ended).await.unwrap());
    for id in [unknown, closing, ended] {
        let session = session(1, id, "ann@example.com");
        let is_stored = records(&store).insert_session(&session).await.unwrap();
        assert!(!is_stored && find(&store, &session).await.is_none());
    }
}

/// A closed session has no record.
pub async fn closed_session_has_no_record(store: impl Store) {
    let id = resource(1);
    active(&store, &id).await;
    let (ann, bob) = (
        session(1, id, "ann@example.com"),
        session(2, id, "bob@example.com"),
    );
    insert(&store, &ann).await;
    insert(&store, &bob).await;
    let (until, at) = (ann.ends_at, now());
    store.close_session(&ann.key, until, at).await.unwrap();
    assert_eq!(find(&store, &ann).await, None);
    assert!(store.is_session_closed(&ann.key).await.unwrap());
    assert_eq!(listed(&store, &id, None).await, [2]);
}

/// Sessions are listed by resource and email latest first.
pub async fn sessions_are_listed_by_resource_and_email_latest_first(store: impl Store) {
    let (here, there) = (resource(1), resource(2));
    active(&store, &here).await;
    active(&store, &there).await;
    for (number, id, who) in [
        (1, here, "ann@example.com"),
        (2, here, "bob@example.com"),
        (3, there, "ann@example.com"),
        (4, here, "ann@example.com"),
    ] {
        insert(&store, &session(number, id, who)).await;
    }
    let ann = email("ann@example.com");
    assert_eq!(listed(&store, &here, None).await, [4, 2, 1]);
    assert_eq!(listed(&store, &here, Some(&ann)).await, [4, 1]);
    assert_eq!(listed(&store, &there, Some(&ann)).await, [3]);
    let two = records(&store).list_sessions(&here, None, 2).await.unwrap();
    assert_eq!(two.len(), 2);
    assert_eq!(two[0], session(4, here, "ann@example.com"));
}

/// Revoked sessions are not listed.
pub async fn revoked_sessions_are_not_listed(store: impl Store) {
    let id = resource(1);
    active(&store, &id).await;
    for (number, who) in [
        (1, "ann@example.com"),
        (2, "bob@example.com"),
        (4, "ann@example.com"),
    ] {
        insert(&store, &session(number, id, who)).await;
    }
    let ann = Revocation::new(email("ann@example.com"), Sequence::new(3), now());
    store.revoke(&id, ann, now()).await.unwrap();
    assert_eq!(listed(&store, &id, None).await, [4, 2]);
    store.revoke_all(&id, Sequence::new(4)).await.unwrap();
    assert_eq!(listed(&store, &id, None).await, [4]);
    store.revoke_all(&id, Sequence::new(5)).await.unwrap();
    assert_eq!(listed(&store, &id, None).await, [0_i64; 0]);
}

/// The use of a session is stored if a minute has passed since the last.
pub async fn use_of_a_session_is_stored_after_a_minute(store: impl Store) {
    let id = resource(1);
    active(&store, &id).await;
    let ann = session(1, id, "ann@example.com");
    insert(&store, &ann).await;
    let seen = async |seconds: u64| {
        let at = ann.began + Duration::from_secs(seconds);
        let unknown = SessionKey::from_stored("unknown");
        let seen = [(unknown, at), (ann.key.clone(), at)];
        records(&store).note_seen(&seen).await.unwrap();
        find(&store, &ann).await.unwrap().seen_at - ann.began
    };
    assert_eq!(seen(60).await, Duration::from_secs(60));
    // A use within a minute of the last may be ignored.
    let soon = seen(90).await;
    assert!(soon == Duration::from_secs(60) || soon == Duration::from_secs(90));
    assert_eq!(seen(300).await, Duration::from_secs(300));
    // An older use does not replace a later one.
    assert_eq!(seen(200).await, Duration::from_secs(300));
    assert_eq!(find(&store, &ann).await.unwrap().ends_at, ann.ends_at);
}

/// Sessions end with their resource.
pub async fn sessions_end_with_their_resource(store: impl Store) {
    for number in 1..=3 {
        let id = resource(number);
        active(&store, &id).await;
        let session = session(number as i64, id, "ann@example.com");
        insert(&store, &session).await;
        match number {
            1 => assert!(store.begin_deprovisioning(&id).await.unwrap()),
            2 => assert!(store.end(&id).await.unwrap()),
            _ => store.erase(&id).await.unwrap(),
        }
        assert_eq!(find(&store, &session).await, None, "{number}");
    }
}

/// Expired sessions are deleted an hour later.
pub async fn expired_sessions_are_deleted_an_hour_later(store: impl Store) {
    let id = resource(1);
    active(&store, &id).await;
    let lasting = session(5_000, id, "ann@example.com");
    insert(&store, &lasting).await;
    let mut expired = Vec::new();
    for number in 0..1_200 {
        let mut session = session(number, id, "ann@example.com");
        session.ends_at = now() - Duration::from_secs(3_601);
        insert(&store, &session).await;
        expired.push(session);
    }
    // A sign-out triggers the sweep.
    let (key, at) = (SessionKey::from_stored("other"), now());
    store.close_session(&key, at, at).await.unwrap();
    let swept = async {
        for session in &expired {
            while find(&store, session).await.is_some() {
                clock::pause(Duration::from_millis(5)).await;
            }
        }
    };
    let swept = clock::within(Duration::from_secs(60), swept).await;
    assert!(swept.is_some(), "expired sessions stay");
    assert!(find(&store, &lasting).await.is_some());
}
