//! Conformance tests for every store.

use std::time::Duration;

use time::OffsetDateTime;
use tower_heroku_sso::access::{App, People, Person, ResourceList, Team};
use tower_heroku_sso::ids::{AppId, TeamId};
use tower_heroku_sso::sso::{ReplayKey, SsoPolicy, SsoRequest, Verifier};
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::store::author::{Dated, Sequence, conformance};
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

/// The crate's own rules, each as a test of every store.
macro_rules! rules_of_the_crate {
    ($($rule:ident)*) => {
        rules! { $($rule)* }

        $(async fn $rule(place: impl Place) {
            conformance::$rule(place.open().await).await;
        })*
    };
}

/// The rule with a number of the table of attacks.
mod numbered {
    use tower_heroku_sso::store::author::conformance;

    use crate::place::Place;

    rules! {
        a11_one_of_50_concurrent_consumers_of_a_key_succeeds
    }

    async fn a11_one_of_50_concurrent_consumers_of_a_key_succeeds(place: impl Place) {
        let store = place.open().await;
        conformance::one_of_50_concurrent_consumers_of_a_key_succeeds(store).await;
    }
}

rules_of_the_crate! {
    sequence_numbers_increase_for_all_callers
    concurrent_registrations_store_one
    changed_registration_is_not_overwritten
    registration_round_trips
    tokens_are_replaced_only_from_the_latest_revision
    legacy_id_finds_active_resources_only
    ambiguous_legacy_id_finds_no_resource
    closing_deletes_the_list_and_keeps_the_tokens
    ended_resource_keeps_no_data_and_cannot_be_registered
    erased_resource_can_be_registered_again
    webhook_fingerprint_is_stored_without_a_new_revision
    list_is_stored_with_its_sequence_number
    older_list_never_replaces_a_newer_one
    newest_members_are_stored_once_per_team
    pages_contain_every_active_resource_once_in_order
    latest_revocation_counts_and_old_ones_are_deleted
    revocation_of_all_is_stored_with_the_latest_sequence_number
    pending_removal_lasts_until_a_later_list
    erased_person_is_in_no_record
    erased_person_has_no_session
    consumed_key_stays_consumed_an_hour_past_its_expiry
    closed_session_stays_closed_an_hour_past_its_expiry
    session_round_trips
    session_of_a_resource_that_is_not_active_is_not_stored
    closed_session_has_no_record
    sessions_are_listed_by_resource_and_email_latest_first
    revoked_sessions_are_not_listed
    use_of_a_session_is_stored_after_a_minute
    sessions_end_with_their_resource
    expired_sessions_are_deleted_an_hour_later
}

macro_rules! durable_rules_of_the_crate {
    ($($rule:ident)*) => {
        durable_rules! { $($rule)* }

        $(async fn $rule(place: impl Place) {
            conformance::$rule(async || place.open().await).await;
        })*
    };
}

durable_rules_of_the_crate! {
    restart_loses_no_state
    restart_keeps_sessions
    reopened_store_continues_with_higher_sequence_numbers
}

/// As an author of a store runs them.
#[tokio::test]
async fn all_rules_run_together() {
    conformance::check(async || MemoryStore::default()).await;
}

pub fn resource(number: u128) -> ResourceId {
    uuid::Uuid::from_u128(number).into()
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

fn now() -> OffsetDateTime {
    // Whole seconds: the minimum precision of a store.
    OffsetDateTime::now_utc().replace_nanosecond(0).unwrap()
}

fn email(text: &str) -> Email {
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

fn team() -> Team {
    let id: TeamId = "team-1".parse().unwrap();
    Team::new(id, "acme")
}

pub fn list(names: &[&str], sequence: i64) -> Dated<ResourceList> {
    let list = ResourceList::new("acme-db-round-1", app(), people(names)).with_team(team());
    Dated::new(list, Sequence::new(sequence), now(), Duration::ZERO)
}
