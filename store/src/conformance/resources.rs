//! Resources and their registrations.

use std::collections::HashSet;
use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::task::JoinSet;

use super::values::{active, email, list, now, resource, tokens};
use crate::record::{Registration, ResourceState, Revocation};
use crate::sequence::Sequence;
use crate::store::Store;

/// Sequence numbers increase for all callers.
pub async fn sequence_numbers_increase_for_all_callers(store: impl Store) {
    let store = Arc::new(store);
    let mut drawing = JoinSet::new();
    for _ in 0..20 {
        let store = Arc::clone(&store);
        drawing.spawn(async move {
            let mut last = Sequence::default();
            let mut drawn = Vec::new();
            for _ in 0..5 {
                let next = store.next_sequence().await.unwrap();
                assert!(next > last, "{next} after {last}");
                last = next;
                drawn.push(next);
            }
            drawn
        });
    }
    let drawn: HashSet<_> = drawing.join_all().await.into_iter().flatten().collect();
    assert_eq!(drawn.len(), 100);
    let highest = drawn.into_iter().max().unwrap();
    assert!(store.next_sequence().await.unwrap() > highest);
}

/// Of concurrent registrations one is stored.
pub async fn concurrent_registrations_store_one(store: impl Store) {
    let store = Arc::new(store);
    let mut putting = JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&store);
        putting.spawn(async move {
            let registration = Registration::active(Some(tokens(&number.to_string())));
            store.put(&resource(1), registration).await.unwrap()
        });
    }
    let taken_in = putting.join_all().await;
    assert_eq!(taken_in.iter().filter(|taken_in| **taken_in).count(), 1);
    assert!(store.get(&resource(1)).await.unwrap().is_some());
    assert!(store.get(&resource(2)).await.unwrap().is_none());
}

/// A changed registration is not overwritten.
pub async fn changed_registration_is_not_overwritten(store: impl Store) {
    let id = resource(1);
    active(&store, &id).await;
    let read = store.get(&id).await.unwrap().unwrap();
    assert!(store.put(&id, read.clone()).await.unwrap());
    assert!(!store.put(&id, read).await.unwrap());
    // A registration that is not active is not overwritten either.
    let read = store.get(&id).await.unwrap().unwrap();
    assert!(store.begin_deprovisioning(&id).await.unwrap());
    assert!(!store.put(&id, read).await.unwrap());
}

/// A registration is read as it was written.
pub async fn registration_round_trips(store: impl Store) {
    let id = resource(1);
    let mut registration =
        Registration::active(Some(tokens("a"))).with_legacy_id("42".parse().unwrap());
    registration.grant_code = Some("a-code".into());
    assert!(store.put(&id, registration).await.unwrap());
    let known = store.get(&id).await.unwrap().unwrap();
    assert_eq!(known.state, ResourceState::Active);
    assert_eq!(known.legacy_id.unwrap().to_string(), "42");
    let found = known.tokens.unwrap();
    assert_eq!(found.access.expose_secret(), "HRKU-a-access");
    assert_eq!(found.refresh.expose_secret(), "HRKU-a-refresh");
    assert!((found.expires_at - tokens("a").expires_at).abs() < time::Duration::seconds(5));
    assert_eq!(known.grant_code.unwrap().expose_secret(), "a-code");
    assert!(known.webhook.is_none());
    // A registration without tokens round-trips too.
    assert!(
        store
            .put(&resource(2), Registration::active(None))
            .await
            .unwrap()
    );
    let known = store.get(&resource(2)).await.unwrap().unwrap();
    assert!(known.tokens.is_none() && known.grant_code.is_none() && known.legacy_id.is_none());
    assert_eq!(
        store
            .load(&resource(2))
            .await
            .unwrap()
            .unwrap()
            .token_ends_at,
        None
    );
}

/// Tokens are replaced only from the latest revision.
pub async fn tokens_are_replaced_only_from_the_latest_revision(store: impl Store) {
    let id = resource(1);
    active(&store, &id).await;
    let revision = store.get(&id).await.unwrap().unwrap().revision;
    assert!(
        store
            .set_tokens(&id, tokens("second"), revision)
            .await
            .unwrap()
    );
    assert!(
        !store
            .set_tokens(&id, tokens("late"), revision)
            .await
            .unwrap()
    );
    assert!(
        !store
            .set_tokens(&resource(2), tokens("late"), 1)
            .await
            .unwrap()
    );
    let known = store.get(&id).await.unwrap().unwrap();
    assert_eq!(
        known.tokens.unwrap().access.expose_secret(),
        "HRKU-second-access"
    );
    let loaded = store.load(&id).await.unwrap().unwrap();
    assert!(loaded.token_ends_at.unwrap() > now());
}

/// The partner's own id finds active resources only.
pub async fn legacy_id_finds_active_resources_only(store: impl Store) {
    let id = resource(1);
    let legacy = "42".parse().unwrap();
    let registration = Registration::active(None).with_legacy_id("42".parse().unwrap());
    assert_eq!(store.find_legacy(&legacy).await.unwrap(), None);
    assert!(store.put(&id, registration).await.unwrap());
    assert_eq!(store.find_legacy(&legacy).await.unwrap(), Some(id));
    assert!(store.begin_deprovisioning(&id).await.unwrap());
    assert_eq!(store.find_legacy(&legacy).await.unwrap(), None);
}

/// An id of the partner's own that two resources have finds neither.
pub async fn ambiguous_legacy_id_finds_no_resource(store: impl Store) {
    let registered = |id: &str| Registration::active(None).with_legacy_id(id.parse().unwrap());
    assert!(store.put(&resource(1), registered("aB")).await.unwrap());
    assert!(store.put(&resource(2), registered("Ab")).await.unwrap());
    let found = store.find_legacy(&"aB".parse().unwrap()).await.unwrap();
    assert_eq!(found, Some(resource(1)), "the id is case-sensitive");
    assert!(store.put(&resource(3), registered("aB")).await.unwrap());
    let found = store.find_legacy(&"aB".parse().unwrap()).await.unwrap();
    assert_eq!(found, None);
}

/// Beginning a deprovisioning deletes the list and keeps the tokens.
pub async fn closing_deletes_the_list_and_keeps_the_tokens(store: impl Store) {
    let id = resource(1);
    assert!(!store.begin_deprovisioning(&id).await.unwrap());
    active(&store, &id).await;
    store.set_list(&id, list(&["ann"], 1)).await.unwrap();
    assert!(store.begin_deprovisioning(&id).await.unwrap());
    assert!(!store.begin_deprovisioning(&id).await.unwrap());
    assert!(store.load(&id).await.unwrap().is_none());
    let known = store.get(&id).await.unwrap().unwrap();
    assert_eq!(known.state, ResourceState::Deprovisioning);
    assert!(known.tokens.is_some());
    // A list from a fetch in progress is not stored, tokens are.
    store.set_list(&id, list(&["ann"], 2)).await.unwrap();
    assert!(store.load(&id).await.unwrap().is_none());
    assert!(
        store
            .set_tokens(&id, tokens("new"), known.revision)
            .await
            .unwrap()
    );
}

/// An ended resource keeps no data and cannot be registered.
pub async fn ended_resource_keeps_no_data_and_cannot_be_registered(store: impl Store) {
    let id = resource(1);
    assert!(!store.end(&id).await.unwrap());
    active(&store, &id).await;
    store.set_list(&id, list(&["ann"], 1)).await.unwrap();
    assert!(store.end(&id).await.unwrap());
    assert!(!store.end(&id).await.unwrap());
    assert!(!store.begin_deprovisioning(&id).await.unwrap());
    let known = store.get(&id).await.unwrap().unwrap();
    assert_eq!(known.state, ResourceState::Deprovisioned);
    assert!(known.tokens.is_none() && known.grant_code.is_none() && known.legacy_id.is_none());
    assert!(
        !store
            .put(&id, Registration::active(Some(tokens("x"))))
            .await
            .unwrap()
    );
    assert!(!store.put(&id, known.clone()).await.unwrap());
    assert!(
        !store
            .set_tokens(&id, tokens("x"), known.revision)
            .await
            .unwrap()
    );
    store.set_list(&id, list(&["ann"], 9)).await.unwrap();
    assert!(store.load(&id).await.unwrap().is_none());
}

/// An erased resource can be registered again.
pub async fn erased_resource_can_be_registered_again(store: impl Store) {
    let id = resource(1);
    store.erase(&id).await.unwrap();
    active(&store, &id).await;
    store.set_list(&id, list(&["ann"], 1)).await.unwrap();
    let revocation = Revocation::new(email("ann@example.com"), Sequence::new(1), now());
    store.revoke(&id, revocation, now()).await.unwrap();
    store.erase(&id).await.unwrap();
    assert!(store.get(&id).await.unwrap().is_none());
    active(&store, &id).await;
    let found = store.load(&id).await.unwrap().unwrap();
    assert!(found.list.is_none() && found.revocations.is_empty());
}

/// A webhook's fingerprint is stored without a new revision.
pub async fn webhook_fingerprint_is_stored_without_a_new_revision(store: impl Store) {
    let id = resource(1);
    active(&store, &id).await;
    let before = store.get(&id).await.unwrap().unwrap().revision;
    store.set_webhook(&id, "abc").await.unwrap();
    let known = store.get(&id).await.unwrap().unwrap();
    assert_eq!(known.webhook.as_deref(), Some("abc"));
    assert_eq!(known.revision, before);
}
