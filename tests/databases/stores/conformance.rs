//! Conformance tests for every store.

use std::time::Duration;

use heroku_sso_store::{Dated, Sequence, conformance};
use time::OffsetDateTime;
use tower_heroku_sso::access::{App, People, Person, ResourceList, Team};
use tower_heroku_sso::sso::{ReplayKey, SsoRequest, Verifier};
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::{AppId, Email, ResourceId, Role, SsoPolicy, SsoSalt, TeamId};

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

/// The crate's own rules, each as a test of every store.
macro_rules! rules_of_the_crate {
    (
        rules { $($rule:ident)* }
        sessions { $($of_sessions:ident)* }
        restart { $($of_restart:ident)* }
        session_restart { $($of_session_restart:ident)* }
    ) => {
        rules! { $($rule)* $($of_sessions)* }
        rules_of_the_crate! { @once $($rule)* $($of_sessions)* }
        durable_rules! { $($of_restart)* $($of_session_restart)* }
        rules_of_the_crate! { @reopened $($of_restart)* $($of_session_restart)* }
    };
    (@once $($rule:ident)*) => {
        $(async fn $rule(place: impl Place) {
            conformance::$rule(place.open().await).await;
        })*
    };
    (@reopened $($rule:ident)*) => {
        $(async fn $rule(place: impl Place) {
            conformance::$rule(async || place.open().await).await;
        })*
    };
}

heroku_sso_store::store_rules!(rules_of_the_crate);

/// The rule with a number of the table of attacks.
mod numbered {
    use heroku_sso_store::conformance;

    use crate::place::Place;

    rules! {
        a11_one_of_50_concurrent_consumers_of_a_key_succeeds
    }

    async fn a11_one_of_50_concurrent_consumers_of_a_key_succeeds(place: impl Place) {
        let store = place.open().await;
        conformance::one_of_50_concurrent_consumers_of_a_key_succeeds(store).await;
    }
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
