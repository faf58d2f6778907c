//! Conformance tests for every store.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use time::OffsetDateTime;
use tower_heroku_sso::access::{App, AttachedPeople, People, Person, ResourceList, Team};
use tower_heroku_sso::ids::{AppId, TeamId};
use tower_heroku_sso::sso::{ReplayKey, SsoPolicy, SsoRequest, Verifier};
use tower_heroku_sso::store::author::{
    Dated, PendingRemoval, Registration, ResourceState, Revocation, Sequence, SessionKey, Store,
};
use tower_heroku_sso::{Email, ResourceId, Role, SsoSalt, Tokens};

use crate::place::Place;

/// Runs each function as a test of every store.
macro_rules! rules {
    ($($rule:ident)*) => {
        rules! { @store memory place::Memory $($rule)* }
        rules! { @store sqlite place::Sqlite $($rule)* }
        rules! { @store postgres place::Postgres $($rule)* }
        rules! { @store pooled pooler::Pooled $($rule)* }
    };
    (@store $module:ident $file:ident::$place:ident $($rule:ident)*) => {
        mod $module {
            use crate::$file::$place;
            use crate::place::Place as _;

            $(#[tokio::test]
            async fn $rule() {
                super::$rule($place::new().await).await;
            })*
        }
    };
}
pub(crate) use rules;

/// The same for the persistent stores.
macro_rules! durable_rules {
    ($($rule:ident)*) => {
        mod durable_sqlite {
            use crate::place::{Place, Sqlite};

            $(#[tokio::test]
            async fn $rule() {
                super::$rule(Sqlite::new().await).await;
            })*
        }
        mod durable_pooled {
            use crate::place::Place as _;
            use crate::pooler::Pooled;

            $(#[tokio::test]
            async fn $rule() {
                super::$rule(Pooled::new().await).await;
            })*
        }
        mod durable_postgres {
            use crate::place::{Place, Postgres};

            $(#[tokio::test]
            async fn $rule() {
                super::$rule(Postgres::new().await).await;
            })*
        }
    };
}
pub(crate) use durable_rules;

rules! {
    sequence_numbers_increase_for_all_callers
    concurrent_registrations_store_one
    changed_registration_is_not_overwritten
    registration_round_trips
    tokens_are_replaced_only_from_the_latest_revision
    legacy_id_finds_active_resources_only
    ambiguous_legacy_id_finds_no_resource
    list_is_stored_with_its_sequence_number
    older_list_never_replaces_a_newer_one
    newest_members_are_stored_once_per_team
    pages_contain_every_active_resource_once_in_order
    closing_deletes_the_list_and_keeps_the_tokens
    ended_resource_keeps_no_data_and_cannot_be_registered
    erased_resource_can_be_registered_again
    latest_revocation_counts_and_old_ones_are_deleted
    pending_removal_lasts_until_a_later_list
    webhook_fingerprint_is_stored_without_a_new_revision
    a11_one_of_50_concurrent_consumers_of_a_key_succeeds
    consumed_key_stays_consumed_an_hour_past_its_expiry
    closed_session_stays_closed_an_hour_past_its_expiry
}

durable_rules! {
    restart_loses_no_state
    reopened_store_continues_with_higher_sequence_numbers
}

pub fn now() -> OffsetDateTime {
    // Whole seconds: the minimum precision of a store.
    OffsetDateTime::now_utc().replace_nanosecond(0).unwrap()
}

pub fn resource(number: u128) -> ResourceId {
    uuid::Uuid::from_u128(number).into()
}

pub fn email(text: &str) -> Email {
    text.parse().unwrap()
}

pub fn tokens(name: &str) -> Tokens {
    Tokens::new(
        format!("HRKU-{name}-access"),
        format!("HRKU-{name}-refresh"),
        now() + Duration::from_secs(28_800),
    )
}

fn people(names: &[&str]) -> People {
    let person = |name: &&str| {
        let email = email(&format!("{name}@example.com"));
        Person::new(email, Some("u-1".parse().unwrap()), Some(Role::Admin))
    };
    names.iter().map(person).collect()
}

fn app() -> App {
    let id: AppId = "app-1".parse().unwrap();
    App::new(id, "shop")
}

pub fn team() -> Team {
    let id: TeamId = "team-1".parse().unwrap();
    Team::new(id, "acme")
}

pub fn list(names: &[&str], sequence: i64) -> Dated<ResourceList> {
    let list = ResourceList::new("acme-db-round-1", app(), people(names)).with_team(team());
    Dated::new(list, Sequence::new(sequence), now(), Duration::ZERO)
}

pub fn members(names: &[&str], sequence: i64) -> Dated<People> {
    Dated::new(
        people(names),
        Sequence::new(sequence),
        now(),
        Duration::ZERO,
    )
}

/// The replay key of a sign-in at this second.
pub fn replay_key(timestamp: i64) -> ReplayKey {
    let salt = SsoSalt::new("a-salt-of-good-length").unwrap();
    let id = resource(7);
    let token = {
        use sha1::{Digest, Sha1};
        hex::encode(Sha1::digest(format!(
            "{id}:a-salt-of-good-length:{timestamp}"
        )))
    };
    let form = format!(
        "resource_id={id}&resource_token={token}&timestamp={timestamp}&email=ann%40example.com"
    );
    let form = SsoRequest::parse(form.as_bytes()).unwrap();
    let at = OffsetDateTime::from_unix_timestamp(timestamp).unwrap();
    let verifier = Verifier::new([salt]).policy(SsoPolicy::AllowUnsignedEmail);
    let verified = verifier.verify(&form, at).unwrap();
    verified.replay_key().clone()
}

pub async fn active(store: &impl Store, id: &ResourceId) {
    let registration = Registration::active(Some(tokens("first")));
    assert!(store.put(id, registration).await.unwrap());
}

async fn sequence_numbers_increase_for_all_callers(place: impl Place) {
    let store = Arc::new(place.open().await);
    let mut drawing = tokio::task::JoinSet::new();
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

async fn concurrent_registrations_store_one(place: impl Place) {
    let store = Arc::new(place.open().await);
    let mut putting = tokio::task::JoinSet::new();
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

async fn changed_registration_is_not_overwritten(place: impl Place) {
    let store = place.open().await;
    let id = resource(1);
    active(&store, &id).await;
    let read = store.get(&id).await.unwrap().unwrap();
    assert!(store.put(&id, read.clone()).await.unwrap());
    assert!(!store.put(&id, read).await.unwrap());
    // A registration that is not active is not overwritten either.
    let read = store.get(&id).await.unwrap().unwrap();
    assert!(store.begin_closing(&id).await.unwrap());
    assert!(!store.put(&id, read).await.unwrap());
}

async fn registration_round_trips(place: impl Place) {
    let store = place.open().await;
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

async fn tokens_are_replaced_only_from_the_latest_revision(place: impl Place) {
    let store = place.open().await;
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

async fn legacy_id_finds_active_resources_only(place: impl Place) {
    let store = place.open().await;
    let id = resource(1);
    let legacy = "42".parse().unwrap();
    let registration = Registration::active(None).with_legacy_id("42".parse().unwrap());
    assert_eq!(store.find_legacy(&legacy).await.unwrap(), None);
    assert!(store.put(&id, registration).await.unwrap());
    assert_eq!(store.find_legacy(&legacy).await.unwrap(), Some(id));
    assert!(store.begin_closing(&id).await.unwrap());
    assert_eq!(store.find_legacy(&legacy).await.unwrap(), None);
}

async fn ambiguous_legacy_id_finds_no_resource(place: impl Place) {
    let store = place.open().await;
    let registered = |id: &str| Registration::active(None).with_legacy_id(id.parse().unwrap());
    assert!(store.put(&resource(1), registered("aB")).await.unwrap());
    assert!(store.put(&resource(2), registered("Ab")).await.unwrap());
    let found = store.find_legacy(&"aB".parse().unwrap()).await.unwrap();
    assert_eq!(found, Some(resource(1)), "the id is case-sensitive");
    assert!(store.put(&resource(3), registered("aB")).await.unwrap());
    let found = store.find_legacy(&"aB".parse().unwrap()).await.unwrap();
    assert_eq!(found, None);
}

async fn list_is_stored_with_its_sequence_number(place: impl Place) {
    let store = place.open().await;
    let id = resource(1);
    // Of a resource that is not there nothing is kept.
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

async fn older_list_never_replaces_a_newer_one(place: impl Place) {
    let store = place.open().await;
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

async fn newest_members_are_stored_once_per_team(place: impl Place) {
    let store = place.open().await;
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

async fn pages_contain_every_active_resource_once_in_order(place: impl Place) {
    let store = place.open().await;
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
    let third = &seen[1];
    assert_eq!(
        Some(third),
        store
            .load(&resource(3))
            .await
            .unwrap()
            .as_ref()
            .map(|found| {
                // The age may have increased in between.
                assert_eq!(
                    found.list.as_ref().unwrap().value,
                    third.list.as_ref().unwrap().value
                );
                third
            })
    );
    assert_eq!(third.revocations.len(), 2);
    assert!(seen[0].list.is_none() && seen[0].revocations.is_empty());
}

async fn closing_deletes_the_list_and_keeps_the_tokens(place: impl Place) {
    let store = place.open().await;
    let id = resource(1);
    assert!(!store.begin_closing(&id).await.unwrap());
    active(&store, &id).await;
    store.set_list(&id, list(&["ann"], 1)).await.unwrap();
    assert!(store.begin_closing(&id).await.unwrap());
    assert!(!store.begin_closing(&id).await.unwrap());
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

async fn ended_resource_keeps_no_data_and_cannot_be_registered(place: impl Place) {
    let store = place.open().await;
    let id = resource(1);
    assert!(!store.end(&id).await.unwrap());
    active(&store, &id).await;
    store.set_list(&id, list(&["ann"], 1)).await.unwrap();
    assert!(store.end(&id).await.unwrap());
    assert!(!store.end(&id).await.unwrap());
    assert!(!store.begin_closing(&id).await.unwrap());
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

async fn erased_resource_can_be_registered_again(place: impl Place) {
    let store = place.open().await;
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

async fn latest_revocation_counts_and_old_ones_are_deleted(place: impl Place) {
    let store = place.open().await;
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
    assert!(store.begin_closing(&id).await.unwrap());
    revoke("ann@example.com", 6, now()).await;
    assert!(store.load(&id).await.unwrap().is_none());
}

async fn pending_removal_lasts_until_a_later_list(place: impl Place) {
    let store = place.open().await;
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

async fn webhook_fingerprint_is_stored_without_a_new_revision(place: impl Place) {
    let store = place.open().await;
    let id = resource(1);
    active(&store, &id).await;
    let before = store.get(&id).await.unwrap().unwrap().revision;
    store.set_webhook(&id, "abc").await.unwrap();
    let known = store.get(&id).await.unwrap().unwrap();
    assert_eq!(known.webhook.as_deref(), Some("abc"));
    assert_eq!(known.revision, before);
}

async fn closed_session_stays_closed_an_hour_past_its_expiry(place: impl Place) {
    let store = place.open().await;
    let [closed, open] = ["a", "b"].map(SessionKey::from_stored);
    let at = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
    assert!(!store.is_session_closed(&closed).await.unwrap());
    for _ in 0..2 {
        store.close_session(&closed, at, at).await.unwrap();
    }
    // Closing another session nearly an hour later deletes old rows.
    let later = at + time::Duration::minutes(59);
    let other = SessionKey::from_stored("c");
    store.close_session(&other, later, later).await.unwrap();
    assert!(store.is_session_closed(&closed).await.unwrap());
    assert!(!store.is_session_closed(&open).await.unwrap());
}

async fn a11_one_of_50_concurrent_consumers_of_a_key_succeeds(place: impl Place) {
    let store = Arc::new(place.open().await);
    let at = now();
    let mut consuming = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let store = Arc::clone(&store);
        let key = replay_key(at.unix_timestamp());
        let until = at + Duration::from_secs(360);
        consuming.spawn(async move { store.consume(&key, until, at).await.unwrap() });
    }
    let consumed = consuming.join_all().await;
    assert_eq!(consumed.iter().filter(|first| **first).count(), 1);
    let other = replay_key(at.unix_timestamp() + 1);
    assert!(store.consume(&other, at, at).await.unwrap());
}

async fn consumed_key_stays_consumed_an_hour_past_its_expiry(place: impl Place) {
    let store = place.open().await;
    // In the past, as a database does not rely on one process's clock.
    let at = now() - time::Duration::hours(2);
    let key = replay_key(at.unix_timestamp());
    assert!(store.consume(&key, at, at).await.unwrap());
    // Another sign-in triggers the sweep.
    for (minutes, is_new) in [(59, false), (75, true)] {
        let later = at + time::Duration::minutes(minutes);
        let other = replay_key(later.unix_timestamp());
        assert!(store.consume(&other, later, later).await.unwrap());
        let consume = async || store.consume(&key, at, later).await.unwrap();
        if !is_new {
            assert!(!consume().await, "{minutes}");
            continue;
        }
        // The sweep runs in the background.
        let swept = async { while !consume().await {} };
        let swept = tokio::time::timeout(Duration::from_secs(20), swept).await;
        assert!(swept.is_ok(), "{minutes}");
    }
}

async fn restart_loses_no_state(place: impl Place) {
    let id = resource(1);
    let at = now();
    let sequence = {
        let store = place.open().await;
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
    let store = place.open().await;
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

async fn reopened_store_continues_with_higher_sequence_numbers(place: impl Place) {
    let before = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000;
    let store = place.open().await;
    let first = store.next_sequence().await.unwrap();
    assert!(i128::from(first.number()) > before - 1_000_000, "{first:?}");
    drop(store);
    let again = place.open().await.next_sequence().await.unwrap();
    assert!(again > first);
}
