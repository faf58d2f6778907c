//! Lists and team members.

use std::time::Duration;

use super::values::{active, app, email, list, members, now, people, resource, team};
use crate::absence::{AbsenceKind, AbsenceSign};
use crate::attached_people::AttachedPeople;
use crate::record::{ActiveResource, PendingRemoval, Revocation};
use crate::sequence::Sequence;
use crate::store::Store;

/// A list is stored with its sequence number.
pub async fn list_is_stored_with_its_sequence_number(store: impl Store) {
    let id = resource(1);
    // A list of an unknown resource is not stored.
    store.set_list(&id, list(&["ann"], 1)).await.unwrap();
    assert!(store.load(&id).await.unwrap().is_none());
    active(&store, &id).await;
    assert_eq!(store.load(&id).await.unwrap().unwrap().list, None);
    let mut kept = list(&["ann", "bob"], 7);
    let attached = AttachedPeople::new(people(&["ben"]), vec![app().id]);
    kept.value = kept.value.with_attached(attached);
    store.set_list(&id, kept.clone()).await.unwrap();
    let found = store.load(&id).await.unwrap().unwrap().list.unwrap();
    assert_eq!(found.value, kept.value);
    assert_eq!(found.sequence, kept.sequence);
    assert_eq!(found.asked_at, kept.asked_at);
    assert!(found.age < Duration::from_secs(60));
}

/// An older list never replaces a newer one.
pub async fn older_list_never_replaces_a_newer_one(store: impl Store) {
    let id = resource(1);
    active(&store, &id).await;
    for (names, sequence) in [(["ann"], 5), (["bob"], 4), (["cyd"], 6), (["dan"], 5)] {
        store.set_list(&id, list(&names, sequence)).await.unwrap();
    }
    let found = store.load(&id).await.unwrap().unwrap().list.unwrap();
    assert_eq!(found.value, list(&["cyd"], 6).value);
    // The same sequence number is the same list, possibly with a newer age.
    store.set_list(&id, list(&["cyd"], 6)).await.unwrap();
}

/// The newest members are stored once per team.
pub async fn newest_members_are_stored_once_per_team(store: impl Store) {
    let team = team().id;
    assert_eq!(store.members(&team).await.unwrap(), None);
    for (names, sequence) in [(["ann"], 5), (["bob"], 4), (["cyd"], 6)] {
        store
            .set_members(&team, members(&names, sequence))
            .await
            .unwrap();
    }
    let found = store.members(&team).await.unwrap().unwrap();
    assert_eq!(found.value, people(&["cyd"]));
    assert_eq!(found.sequence, Sequence::new(6));
}

/// The pages contain every active resource once, in order.
pub async fn pages_contain_every_active_resource_once_in_order(store: impl Store) {
    for number in [5, 3, 9, 1, 7] {
        active(&store, &resource(number)).await;
    }
    store
        .set_list(&resource(3), list(&["ann"], 1))
        .await
        .unwrap();
    for name in ["ann", "bob"] {
        let email = email(&format!("{name}@example.com"));
        let revocation = Revocation::new(email, Sequence::new(2), now());
        store.revoke(&resource(3), revocation, now()).await.unwrap();
    }
    let left = PendingRemoval::new(email("cyd@example.com"), Sequence::new(3));
    store
        .note_pending_removal(&resource(3), left)
        .await
        .unwrap();
    store
        .revoke_all(&resource(3), Sequence::new(1))
        .await
        .unwrap();
    let sign = AbsenceSign::new(AbsenceKind::NotFound, Sequence::new(4), now());
    store.note_absence(&resource(3), sign).await.unwrap();
    assert!(store.end(&resource(7)).await.unwrap());
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store.load_page(after.as_ref(), 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page);
    }
    let ids: Vec<_> = seen.iter().map(|found| found.id).collect();
    assert_eq!(ids, [1, 3, 5, 9].map(resource));
    assert!(seen[0].list.is_none() && seen[0].revocations.is_empty());
    let third = &seen[1];
    assert_eq!(third.revocations.len(), 2);
    assert!(third.list.is_some() && third.token_ends_at.is_some());
    for found in seen {
        let alone = store.load(&found.id).await.unwrap().unwrap();
        assert_eq!(comparable(found), comparable(alone));
    }
}

/// Without the age of the list, which grows, and in one order.
fn comparable(mut found: ActiveResource) -> ActiveResource {
    if let Some(list) = &mut found.list {
        list.age = Duration::ZERO;
    }
    found.revocations.sort_by_key(|it| it.email.to_string());
    found
        .pending_removals
        .sort_by_key(|it| it.email.to_string());
    found
}
