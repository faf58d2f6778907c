//! Revocations, pending removals, and the erasure of people.

use std::time::Duration;

use time::OffsetDateTime;

use super::values::{active, email, find, insert, list, members, now, resource, session, team};
use crate::record::{PendingRemoval, Revocation};
use crate::sequence::Sequence;
use crate::store::Store;

/// The latest revocation counts, and old ones are deleted.
pub async fn latest_revocation_counts_and_old_ones_are_deleted(store: impl Store) {
    let id = resource(1);
    let revoke = async |name: &str, sequence: i64, at: OffsetDateTime| {
        let revocation = Revocation::new(email(name), Sequence::new(sequence), at);
        let keep_from = now() - Duration::from_secs(60);
        store.revoke(&id, revocation, keep_from).await.unwrap();
    };
    // Of a resource that is not there nothing is kept.
    revoke("ann@example.com", 1, now()).await;
    active(&store, &id).await;
    assert!(
        store
            .load(&id)
            .await
            .unwrap()
            .unwrap()
            .revocations
            .is_empty()
    );
    revoke("old@example.com", 2, now() - Duration::from_secs(120)).await;
    revoke("ann@example.com", 3, now()).await;
    revoke("ann@example.com", 4, now()).await;
    revoke("bob@example.com", 5, now()).await;
    // A late older revocation does not replace a newer one.
    revoke("ann@example.com", 3, now()).await;
    let mut found = store.load(&id).await.unwrap().unwrap().revocations;
    found.sort_by_key(|known| known.sequence);
    let found: Vec<_> = found
        .iter()
        .map(|known| (known.email.as_str(), known.sequence))
        .collect();
    let expected = [
        ("ann@example.com", Sequence::new(4)),
        ("bob@example.com", Sequence::new(5)),
    ];
    assert_eq!(found, expected);
    assert!(store.begin_deprovisioning(&id).await.unwrap());
    revoke("ann@example.com", 6, now()).await;
    assert!(store.load(&id).await.unwrap().is_none());
}

/// A revocation of all sessions is stored with the latest sequence number.
pub async fn revocation_of_all_is_stored_with_the_latest_sequence_number(store: impl Store) {
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

/// A pending removal lasts until a later list.
pub async fn pending_removal_lasts_until_a_later_list(store: impl Store) {
    let id = resource(1);
    let pending_removal = async |name: &str, sequence: i64| {
        let pending_removal = PendingRemoval::new(email(name), Sequence::new(sequence));
        store
            .note_pending_removal(&id, pending_removal)
            .await
            .unwrap();
    };
    let open = async || {
        let pending_removals = store.load(&id).await.unwrap().unwrap().pending_removals;
        let page = store.load_page(None, 10).await.unwrap();
        assert_eq!(page[0].pending_removals, pending_removals);
        let known = pending_removals.iter();
        let mut known: Vec<_> = known
            .map(|pending_removal| {
                (
                    pending_removal.email.to_string(),
                    pending_removal.sequence.number(),
                )
            })
            .collect();
        known.sort();
        known
    };
    // Of a resource that is not there nothing is kept.
    pending_removal("ann@example.com", 1).await;
    active(&store, &id).await;
    assert_eq!(open().await, []);
    pending_removal("ann@example.com", 4).await;
    pending_removal("ann@example.com", 3).await;
    pending_removal("bob@example.com", 6).await;
    let (ann, bob) = (
        ("ann@example.com".to_owned(), 4),
        ("bob@example.com".to_owned(), 6),
    );
    assert_eq!(open().await, [ann.clone(), bob.clone()]);
    store.set_list(&id, list(&["ann"], 3)).await.unwrap();
    assert_eq!(open().await, [ann, bob.clone()]);
    store.set_list(&id, list(&["ann"], 5)).await.unwrap();
    assert_eq!(open().await, [bob]);
    store.set_list(&id, list(&["ann"], 6)).await.unwrap();
    assert_eq!(open().await, []);
    // A list that was requested earlier does not clear the removal.
    pending_removal("ann@example.com", 2).await;
    assert_eq!(open().await, []);
    assert!(store.end(&id).await.unwrap());
    pending_removal("ann@example.com", 9).await;
    assert!(store.load(&id).await.unwrap().is_none());
}

/// An erased person is in no record.
pub async fn erased_person_is_in_no_record(store: impl Store) {
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
    let revocation = Revocation::new(ann.clone(), Sequence::new(5), now());
    store.revoke(&there, revocation, now()).await.unwrap();
    let pending_removal = PendingRemoval::new(ann.clone(), Sequence::new(6));
    store
        .note_pending_removal(&here, pending_removal)
        .await
        .unwrap();

    assert_eq!(store.erase_person(&ann).await.unwrap(), []);
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

/// The sessions of an erased person are closed and returned.
pub async fn erased_person_has_no_session(store: impl Store) {
    let (here, there) = (resource(1), resource(2));
    let ann = email("ann@example.com");
    for id in [here, there] {
        active(&store, &id).await;
    }
    let of_ann = [
        session(1, here, "ann@example.com"),
        session(2, there, "ann@example.com"),
    ];
    let of_bob = session(3, here, "bob@example.com");
    for session in of_ann.iter().chain([&of_bob]) {
        insert(&store, session).await;
    }
    let mut ended = store.erase_person(&ann).await.unwrap();
    ended.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    assert_eq!(ended, of_ann.each_ref().map(|session| session.key.clone()));
    for session in &of_ann {
        assert_eq!(find(&store, session).await, None);
        assert!(store.is_session_closed(&session.key).await.unwrap());
    }
    assert_eq!(find(&store, &of_bob).await, Some(of_bob));
    assert_eq!(store.erase_person(&ann).await.unwrap(), []);
}
