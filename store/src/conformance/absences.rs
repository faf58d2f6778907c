//! Answers that a resource does not exist, dormancy, and the end of a dormant resource.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::JoinSet;

use super::values::{active, list, resource, tokens};
use crate::absence::{Absence, AbsenceKind, AbsenceSign, Brake, Dormancy};
use crate::ids::ResourceId;
use crate::record::ResourceState;
use crate::sequence::Sequence;
use crate::store::Store;

const MINUTE: Duration = Duration::from_secs(60);

fn start() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap()
}

fn not_found(sequence: i64, after: Duration) -> AbsenceSign {
    AbsenceSign::new(
        AbsenceKind::NotFound,
        Sequence::new(sequence),
        start() + after,
    )
}

async fn registered(store: &impl Store, number: u128) -> ResourceId {
    let id = resource(number);
    active(store, &id).await;
    id
}

async fn absence(store: &impl Store, id: &ResourceId) -> Option<Absence> {
    let known = store.get(id).await.unwrap().unwrap();
    let loaded = store.load(id).await.unwrap();
    assert_eq!(known.absence, loaded.and_then(|loaded| loaded.absence));
    known.absence
}

async fn state(store: &impl Store, id: &ResourceId) -> ResourceState {
    store.get(id).await.unwrap().unwrap().state
}

/// A resource that is dormant after one answer with this sequence number.
async fn dormant(store: &impl Store, number: u128, sequence: i64) -> ResourceId {
    let id = registered(store, number).await;
    let sign = not_found(sequence, Duration::ZERO);
    store.note_absence(&id, sign).await.unwrap().unwrap();
    let brake = Brake::default();
    let made = store.make_dormant(&id, sign.sequence, start(), &brake);
    assert_eq!(made.await.unwrap(), Dormancy::Begun);
    id
}

/// An absence grows until a later list clears it.
pub async fn absence_grows_until_a_later_list_clears_it(store: impl Store) {
    let (unknown, sign) = (resource(9), not_found(1, MINUTE));
    assert_eq!(store.note_absence(&unknown, sign).await.unwrap(), None);
    let id = registered(&store, 1).await;
    store.set_list(&id, list(&["ann"], 5)).await.unwrap();
    assert_eq!(
        store.note_absence(&id, not_found(4, MINUTE)).await.unwrap(),
        None
    );
    store.note_absence(&id, not_found(6, MINUTE)).await.unwrap();
    let second = store.note_absence(&id, not_found(8, MINUTE * 20));
    let second = second.await.unwrap().unwrap();
    assert_eq!((second.answers, second.sequence), (2, Sequence::new(8)));
    assert_eq!(second.last_at - second.first_at, MINUTE * 19);
    assert_eq!(absence(&store, &id).await, Some(second));
    // Requested before the last answer.
    store.set_list(&id, list(&["ann"], 7)).await.unwrap();
    assert_eq!(absence(&store, &id).await, Some(second));
    store.set_list(&id, list(&["ann"], 9)).await.unwrap();
    assert_eq!(absence(&store, &id).await, None);
    let again = store.note_absence(&id, not_found(10, MINUTE * 30));
    assert_eq!(again.await.unwrap().unwrap().answers, 1);
}

/// An answer of another kind restarts the count, unless the resource is dormant.
pub async fn absence_of_another_kind_restarts_the_count(store: impl Store) {
    let id = registered(&store, 1).await;
    store.note_absence(&id, not_found(1, MINUTE)).await.unwrap();
    let refused = |sequence, after| {
        AbsenceSign::new(
            AbsenceKind::GrantRefused,
            Sequence::new(sequence),
            start() + after,
        )
    };
    let other = store.note_absence(&id, refused(2, MINUTE * 2)).await;
    let other = other.unwrap().unwrap();
    assert_eq!((other.answers, other.kind), (1, AbsenceKind::GrantRefused));
    let brake = Brake::default();
    let made = store.make_dormant(&id, Sequence::new(2), start(), &brake);
    assert_eq!(made.await.unwrap(), Dormancy::Begun);
    let dormant = store.note_absence(&id, not_found(3, MINUTE * 3)).await;
    let dormant = dormant.unwrap().unwrap();
    assert_eq!((dormant.answers, dormant.dormant_at), (2, Some(start())));
}

/// Only the latest answer makes a resource dormant, or ends a dormant one.
pub async fn only_the_latest_answer_makes_dormant_or_ends(store: impl Store) {
    let id = registered(&store, 1).await;
    let brake = Brake::default();
    let made = async |sequence| {
        let sequence = Sequence::new(sequence);
        store
            .make_dormant(&id, sequence, start(), &brake)
            .await
            .unwrap()
    };
    let ended = async |sequence| {
        store
            .end_dormant(&id, Sequence::new(sequence))
            .await
            .unwrap()
    };
    assert_eq!(made(1).await, Dormancy::Outdated);
    for sequence in [1, 2] {
        store
            .note_absence(&id, not_found(sequence, MINUTE))
            .await
            .unwrap();
    }
    assert_eq!(made(1).await, Dormancy::Outdated);
    assert!(!ended(2).await, "the resource is not dormant");
    assert_eq!(made(2).await, Dormancy::Begun);
    assert_eq!(made(2).await, Dormancy::Outdated);
    assert_eq!(state(&store, &id).await, ResourceState::Dormant);
    store
        .note_absence(&id, not_found(3, MINUTE * 2))
        .await
        .unwrap();
    assert!(!ended(2).await, "another answer came");
    store.set_list(&id, list(&["ann"], 4)).await.unwrap();
    assert!(!ended(3).await, "a list came");
    assert_eq!(state(&store, &id).await, ResourceState::Active);
    let other = dormant(&store, 2, 1).await;
    assert!(store.end_dormant(&other, Sequence::new(1)).await.unwrap());
    let known = store.get(&other).await.unwrap().unwrap();
    assert_eq!(known.state, ResourceState::Deprovisioned);
    assert!(known.tokens.is_none() && known.absence.is_none() && known.deprovision_owed);
    assert!(!store.end_dormant(&other, Sequence::new(1)).await.unwrap());
}

/// A new grant clears an absence, and a new id of the partner's own does not.
pub async fn new_grant_clears_an_absence_and_new_legacy_id_does_not(store: impl Store) {
    let id = dormant(&store, 1, 1).await;
    let read = store.get(&id).await.unwrap().unwrap();
    assert_eq!(read.state, ResourceState::Dormant);
    let named = read.with_legacy_id("42".parse().unwrap());
    assert!(store.put(&id, named).await.unwrap());
    assert_eq!(state(&store, &id).await, ResourceState::Dormant);
    assert_eq!(
        store.find_legacy(&"42".parse().unwrap()).await.unwrap(),
        Some(id)
    );
    let mut granted = store.get(&id).await.unwrap().unwrap();
    granted.tokens = Some(tokens("second"));
    granted.absence = None;
    assert!(store.put(&id, granted).await.unwrap());
    assert_eq!(state(&store, &id).await, ResourceState::Active);
    assert_eq!(absence(&store, &id).await, None);
    assert!(!store.end_dormant(&id, Sequence::new(1)).await.unwrap());
}

/// A dormant resource is loaded, and one that is being deprovisioned is not.
pub async fn dormant_resource_is_loaded_and_deprovisioning_one_is_not(store: impl Store) {
    let id = dormant(&store, 1, 1).await;
    let closing = dormant(&store, 2, 1).await;
    let read = store.get(&id).await.unwrap().unwrap();
    assert!(
        store
            .set_tokens(&id, tokens("new"), read.revision)
            .await
            .unwrap()
    );
    assert!(store.begin_deprovisioning(&closing).await.unwrap());
    let known = store.get(&closing).await.unwrap().unwrap();
    assert_eq!(
        (known.state, known.absence),
        (ResourceState::Deprovisioning, None)
    );
    let page = store.load_page(None, 10).await.unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(
        (page[0].id, page[0].absence),
        (id, absence(&store, &id).await)
    );
}

/// A dormant resource is dormant after a restart.
pub async fn dormant_resource_is_dormant_after_a_restart<S: Store>(open: impl AsyncFn() -> S) {
    let (id, before) = {
        let store = open().await;
        let id = dormant(&store, 1, 1).await;
        (id, absence(&store, &id).await)
    };
    let store = open().await;
    assert_eq!(state(&store, &id).await, ResourceState::Dormant);
    assert_eq!(absence(&store, &id).await, before);
    assert_eq!(before.unwrap().dormant_at, Some(start()));
}

/// The call of the partner's method is owed until it has succeeded.
pub async fn partner_call_is_owed_until_it_is_done(store: impl Store) {
    let owed = async |id: &ResourceId| {
        let known = store.get(id).await.unwrap().unwrap();
        assert_eq!(known.state, ResourceState::Deprovisioned);
        known.deprovision_owed
    };
    // Without an answer of Heroku.
    let id = registered(&store, 1).await;
    assert!(store.end(&id).await.unwrap());
    assert!(owed(&id).await);
    assert!(!store.end(&id).await.unwrap());
    assert!(owed(&id).await);
    assert!(store.complete_deprovisioning(&id).await.unwrap());
    assert!(!owed(&id).await);
    assert!(!store.complete_deprovisioning(&id).await.unwrap());
    // After an answer.
    let id = registered(&store, 2).await;
    assert!(store.complete_deprovisioning(&id).await.unwrap());
    assert!(!owed(&id).await);
    // After a DELETE that was answered with "later".
    let id = registered(&store, 3).await;
    assert!(store.begin_deprovisioning(&id).await.unwrap());
    assert!(store.end(&id).await.unwrap());
    assert!(!owed(&id).await);
    assert!(!store.complete_deprovisioning(&resource(9)).await.unwrap());
}

/// The brake counts the attempts within an hour, those that it stopped included.
pub async fn brake_counts_dormancies_within_an_hour(store: impl Store) {
    let brake = Brake::default();
    let mut ids = Vec::new();
    for number in 1..=6 {
        ids.push(registered(&store, number).await);
    }
    let wanted = async |number: usize, after| {
        let sign = not_found(1, Duration::ZERO);
        store.note_absence(&ids[number], sign).await.unwrap();
        let absence = absence(&store, &ids[number]).await.unwrap();
        let made = store.make_dormant(&ids[number], absence.sequence, start() + after, &brake);
        made.await.unwrap()
    };
    for number in 0..3 {
        assert_eq!(wanted(number, MINUTE).await, Dormancy::Begun);
    }
    assert_eq!(
        wanted(3, MINUTE * 2).await,
        Dormancy::Braked { becoming: 4 }
    );
    assert_eq!(state(&store, &ids[3]).await, ResourceState::Active);
    assert_eq!(
        wanted(4, MINUTE * 50).await,
        Dormancy::Braked { becoming: 5 }
    );
    // The first three have been dormant for an hour, so the others may become dormant.
    assert_eq!(wanted(3, MINUTE * 61).await, Dormancy::Begun);
    assert_eq!(wanted(4, MINUTE * 61).await, Dormancy::Begun);
    assert_eq!(wanted(5, MINUTE * 61).await, Dormancy::Begun);
}

/// The brake limits concurrent attempts.
pub async fn brake_limits_concurrent_dormancies(store: impl Store) {
    let store = Arc::new(store);
    let mut making = JoinSet::new();
    for number in 1..=20 {
        let id = registered(&*store, number).await;
        let store = Arc::clone(&store);
        making.spawn(async move {
            let sign = not_found(1, Duration::ZERO);
            store.note_absence(&id, sign).await.unwrap();
            let brake = Brake::default();
            let made = store.make_dormant(&id, sign.sequence, start(), &brake);
            made.await.unwrap()
        });
    }
    let made = making.join_all().await;
    let begun = made.iter().filter(|made| **made == Dormancy::Begun).count();
    assert_eq!(begun, 3);
}
