//! Conformance tests for the sessions of every store.

use std::time::Duration;

use time::OffsetDateTime;
use tower_heroku_sso::store::SessionKind;
use tower_heroku_sso::store::author::{
    PendingRemoval, Revocation, Sequence, SessionKey, SessionRecord, SessionRecords, Store,
};
use tower_heroku_sso::{Email, ResourceId};

use crate::place::Place;
use crate::stores::conformance::{
    active, durable_rules, email, list, members, now, resource, rules, team,
};

rules! {
    session_round_trips
    session_of_a_resource_that_is_not_active_is_not_stored
    closed_session_has_no_record
    sessions_are_listed_by_resource_and_email_latest_first
    revoked_sessions_are_not_listed
    revocation_of_all_is_stored_with_the_latest_sequence_number
    use_of_a_session_is_stored_after_a_minute
    sessions_end_with_their_resource
    expired_sessions_are_deleted_an_hour_later
    erased_person_is_in_no_record
}

durable_rules! {
    restart_keeps_sessions
}

pub fn session(number: i64, resource: ResourceId, who: &str) -> SessionRecord {
    let began = now() + Duration::from_secs(number.unsigned_abs());
    SessionRecord::from_stored(
        SessionKey::from_stored(format!("key-{number}")),
        resource,
        email(who),
        SessionKind::Browser,
        Sequence::new(number),
        [began, began, began + Duration::from_secs(3_600)],
        format!("{{\"grant\": {number}}}"),
    )
}

fn records(store: &impl Store) -> &dyn SessionRecords {
    store.sessions().expect("a store that keeps sessions")
}

async fn insert(store: &impl Store, session: &SessionRecord) {
    assert!(records(store).insert_session(session).await.unwrap());
}

async fn find(store: &impl Store, session: &SessionRecord) -> Option<SessionRecord> {
    records(store).find_session(&session.key).await.unwrap()
}

/// The numbers of the sessions that are listed.
async fn listed(store: &impl Store, id: &ResourceId, who: Option<&Email>) -> Vec<i64> {
    let sessions = records(store).list_sessions(id, who, 100).await.unwrap();
    sessions.iter().map(|it| it.sequence.number()).collect()
}

async fn session_round_trips(place: impl Place) {
    let store = place.open().await;
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

async fn session_of_a_resource_that_is_not_active_is_not_stored(place: impl Place) {
    let store = place.open().await;
    let (unknown, closing, ended) = (resource(1), resource(2), resource(3));
    active(&store, &closing).await;
    assert!(store.begin_closing(&closing).await.unwrap());
    active(&store, &ended).await;
    assert!(store.end(&ended).await.unwrap());
    for id in [unknown, closing, ended] {
        let session = session(1, id, "ann@example.com");
        let is_stored = records(&store).insert_session(&session).await.unwrap();
        assert!(!is_stored && find(&store, &session).await.is_none());
    }
}

async fn closed_session_has_no_record(place: impl Place) {
    let store = place.open().await;
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

async fn sessions_are_listed_by_resource_and_email_latest_first(place: impl Place) {
    let store = place.open().await;
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

async fn revoked_sessions_are_not_listed(place: impl Place) {
    let store = place.open().await;
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

async fn revocation_of_all_is_stored_with_the_latest_sequence_number(place: impl Place) {
    let store = place.open().await;
    let id = resource(1);
    // Of a resource that does not exist nothing is stored.
    store.revoke_all(&id, Sequence::new(9)).await.unwrap();
    active(&store, &id).await;
    let since = async || store.load(&id).await.unwrap().unwrap().sessions_since;
    assert_eq!(since().await, None);
    for (number, latest) in [(5, 5), (3, 5), (6, 6)] {
        store.revoke_all(&id, Sequence::new(number)).await.unwrap();
        assert_eq!(since().await, Some(Sequence::new(latest)));
    }
    let page = store.load_page(None, 9).await.unwrap();
    assert_eq!(page[0].sessions_since, Some(Sequence::new(6)));
}

async fn use_of_a_session_is_stored_after_a_minute(place: impl Place) {
    let store = place.open().await;
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
    assert_eq!(seen(300).await, Duration::from_secs(300));
    // An older use does not replace a later one.
    assert_eq!(seen(200).await, Duration::from_secs(300));
    assert_eq!(find(&store, &ann).await.unwrap().ends_at, ann.ends_at);
}

async fn sessions_end_with_their_resource(place: impl Place) {
    let store = place.open().await;
    for number in 1..=3 {
        let id = resource(number);
        active(&store, &id).await;
        let session = session(number as i64, id, "ann@example.com");
        insert(&store, &session).await;
        match number {
            1 => assert!(store.begin_closing(&id).await.unwrap()),
            2 => assert!(store.end(&id).await.unwrap()),
            _ => store.erase(&id).await.unwrap(),
        }
        assert_eq!(find(&store, &session).await, None, "{number}");
    }
}

async fn expired_sessions_are_deleted_an_hour_later(place: impl Place) {
    let store = place.open().await;
    let id = resource(1);
    active(&store, &id).await;
    let lasting = session(5_000, id, "ann@example.com");
    insert(&store, &lasting).await;
    let mut expired = Vec::new();
    for number in 0..1_200 {
        let mut session = session(number, id, "ann@example.com");
        session.ends_at = OffsetDateTime::now_utc() - Duration::from_secs(3_601);
        insert(&store, &session).await;
        expired.push(session);
    }
    // A sign-out triggers the sweep.
    let (key, at) = (SessionKey::from_stored("other"), OffsetDateTime::now_utc());
    store.close_session(&key, at, at).await.unwrap();
    let swept = async {
        for session in &expired {
            while find(&store, session).await.is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    let swept = tokio::time::timeout(Duration::from_secs(60), swept).await;
    assert!(swept.is_ok(), "expired sessions stay");
    assert!(find(&store, &lasting).await.is_some());
}

async fn erased_person_is_in_no_record(place: impl Place) {
    let store = place.open().await;
    let (here, there) = (resource(1), resource(2));
    let ann = email("ann@example.com");
    for id in [here, there] {
        active(&store, &id).await;
        store.set_list(&id, list(&["ann", "bob"], 3)).await.unwrap();
    }
    store
        .set_members(&team().id, members(&["ann", "lead"], 4))
        .await
        .unwrap();
    let of_ann = [
        session(1, here, "ann@example.com"),
        session(2, there, "ann@example.com"),
    ];
    let of_bob = session(3, here, "bob@example.com");
    for session in of_ann.iter().chain([&of_bob]) {
        insert(&store, session).await;
    }
    let revocation = Revocation::new(ann.clone(), Sequence::new(5), now());
    store.revoke(&there, revocation, now()).await.unwrap();
    let pending_removal = PendingRemoval::new(ann.clone(), Sequence::new(6));
    store
        .note_pending_removal(&here, pending_removal)
        .await
        .unwrap();

    let mut ended = store.erase_person(&ann).await.unwrap();
    ended.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    assert_eq!(ended, of_ann.each_ref().map(|session| session.key.clone()));
    for session in &of_ann {
        assert_eq!(find(&store, session).await, None);
        assert!(store.is_session_closed(&session.key).await.unwrap());
    }
    assert_eq!(find(&store, &of_bob).await, Some(of_bob));
    for id in [here, there] {
        let found = store.load(&id).await.unwrap().unwrap();
        assert!(!format!("{found:?}").contains("ann@example.com"));
        assert!(format!("{found:?}").contains("bob@example.com"));
        // The revocation stays in force.
        let since = (id == there).then_some(Sequence::new(5));
        assert_eq!(found.sessions_since, since);
        assert_eq!(found.list.unwrap().sequence, Sequence::new(3));
    }
    let team = store.members(&team().id).await.unwrap().unwrap();
    assert_eq!(team.value, members(&["lead"], 4).value);
    assert_eq!(store.erase_person(&ann).await.unwrap(), []);
}

async fn restart_keeps_sessions(place: impl Place) {
    let id = resource(1);
    let ann = session(1, id, "ann@example.com");
    {
        let store = place.open().await;
        active(&store, &id).await;
        insert(&store, &ann).await;
        store.revoke_all(&id, Sequence::new(1)).await.unwrap();
    }
    let store = place.open().await;
    assert_eq!(find(&store, &ann).await, Some(ann));
    let found = store.load(&id).await.unwrap().unwrap();
    assert_eq!(found.sessions_since, Some(Sequence::new(1)));
}
