//! What a durable store has after a restart.

use secrecy::ExposeSecret;

use super::values::{
    active, email, find, insert, list, members, now, people, replay_key, resource, session, team,
};
use crate::record::{PendingRemoval, ResourceState, Revocation};
use crate::sequence::Sequence;
use crate::store::Store;

/// A restart loses no state.
pub async fn restart_loses_no_state<S: Store>(open: impl AsyncFn() -> S) {
    let id = resource(1);
    let at = now();
    let sequence = {
        let store = open().await;
        active(&store, &id).await;
        store.set_list(&id, list(&["ann"], 3)).await.unwrap();
        store
            .set_members(&team().id, members(&["lead"], 4))
            .await
            .unwrap();
        let revocation = Revocation::new(email("bob@example.com"), Sequence::new(5), at);
        store.revoke(&id, revocation, at).await.unwrap();
        let pending_removal = PendingRemoval::new(email("ann@example.com"), Sequence::new(6));
        store
            .note_pending_removal(&id, pending_removal)
            .await
            .unwrap();
        assert!(
            store
                .consume(&replay_key(at.unix_timestamp()), at, at)
                .await
                .unwrap()
        );
        active(&store, &resource(2)).await;
        assert!(store.end(&resource(2)).await.unwrap());
        store.next_sequence().await.unwrap()
    };
    let store = open().await;
    let found = store.load(&id).await.unwrap().unwrap();
    assert_eq!(found.list.unwrap().value, list(&["ann"], 3).value);
    assert_eq!(
        (found.revocations.len(), found.pending_removals.len()),
        (1, 1)
    );
    let known = store.get(&id).await.unwrap().unwrap();
    assert_eq!(
        known.tokens.unwrap().refresh.expose_secret(),
        "HRKU-first-refresh"
    );
    let lead = store.members(&team().id).await.unwrap().unwrap();
    assert_eq!(lead.value, people(&["lead"]));
    assert!(
        !store
            .consume(&replay_key(at.unix_timestamp()), at, at)
            .await
            .unwrap()
    );
    let gone = store.get(&resource(2)).await.unwrap().unwrap();
    assert_eq!(gone.state, ResourceState::Deprovisioned);
    assert!(store.next_sequence().await.unwrap() > sequence);
}

/// A restart keeps sessions, and what revokes them.
pub async fn restart_keeps_sessions<S: Store>(open: impl AsyncFn() -> S) {
    let id = resource(1);
    let ann = session(1, id, "ann@example.com");
    {
        let store = open().await;
        active(&store, &id).await;
        insert(&store, &ann).await;
        store.revoke_all(&id, Sequence::new(1)).await.unwrap();
    }
    let store = open().await;
    assert_eq!(find(&store, &ann).await, Some(ann));
    let found = store.load(&id).await.unwrap().unwrap();
    assert_eq!(found.sessions_since, Some(Sequence::new(1)));
}

/// A reopened store continues with higher sequence numbers, which begin at the Unix time in microseconds.
pub async fn reopened_store_continues_with_higher_sequence_numbers<S: Store>(
    open: impl AsyncFn() -> S,
) {
    let before = now().unix_timestamp_nanos() / 1000;
    let store = open().await;
    let first = store.next_sequence().await.unwrap();
    assert!(i128::from(first.number()) > before - 1_000_000, "{first:?}");
    drop(store);
    let again = open().await.next_sequence().await.unwrap();
    assert!(again > first);
}
