//! The futures of the stores.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heroku_sso_store::{
    AbsenceKind, AbsenceSign, Brake, Dated, PendingRemoval, Registration, Revocation, Sequence,
    SessionKey, SessionRecord, Store,
};
use time::OffsetDateTime;
use tokio::time::timeout;
use tower_heroku_sso::access::{App, People, ResourceList};
use tower_heroku_sso::sso::{ReplayKey, SsoRequest, Verifier, token};
use tower_heroku_sso::store::{
    EncryptionKey, EncryptionKeys, MemoryStore, SessionKind, SqliteStore, StoreError,
};
use tower_heroku_sso::{ResourceId, SsoPolicy, SsoSalt, TeamId, Tokens};

use super::{MOST, PATIENCE, leave_after};
use crate::interleavings::schedule::runtime;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The futures tested below.
pub const NAMES: &[&str] = &[
    "SqliteStore::open",
    "SqliteStore::reencrypt",
    "Store::next_sequence",
    "Store::put",
    "Store::get",
    "Store::find_legacy",
    "Store::load",
    "Store::load_page",
    "Store::set_tokens",
    "Store::set_list",
    "Store::set_members",
    "Store::members",
    "Store::begin_deprovisioning",
    "Store::end",
    "Store::complete_deprovisioning",
    "Store::note_absence",
    "Store::make_dormant",
    "Store::end_dormant",
    "Store::set_webhook",
    "Store::revoke",
    "Store::note_pending_removal",
    "Store::erase",
    "Store::erase_person",
    "Store::revoke_all",
    "Store::consume",
    "Store::is_consumed",
    "Store::close_session",
    "Store::is_session_closed",
    "SessionRecords::insert_session",
    "SessionRecords::find_session",
    "SessionRecords::list_sessions",
    "SessionRecords::note_seen",
];

/// The arguments of the calls.
struct About {
    id: ResourceId,
    team: TeamId,
    key: ReplayKey,
    session: SessionKey,
    now: OffsetDateTime,
}

impl About {
    fn new(number: u64) -> Self {
        let id = format!("01234567-89ab-cdef-0123-{number:012x}");
        let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        Self {
            key: replay_key(&id, now),
            session: SessionKey::from_stored(id.clone()),
            team: id.parse().unwrap(),
            id: id.parse().unwrap(),
            now,
        }
    }
}

fn replay_key(id: &str, now: OffsetDateTime) -> ReplayKey {
    let salt = "2f97bfa52ca102f8874716e2eb1d3b4920ad0be4";
    let at = now.unix_timestamp().to_string();
    let digest = token::hex(&token::resource(id, salt, &at));
    let form =
        format!("resource_id={id}&timestamp={at}&email=ann%40example.com&resource_token={digest}");
    let form = SsoRequest::parse(form.as_bytes()).unwrap();
    let verifier = Verifier::new([SsoSalt::new(salt).unwrap()]);
    let verifier = verifier.policy(SsoPolicy::AllowUnsignedEmail);
    verifier.verify(&form, now).unwrap().replay_key().clone()
}

fn tokens(now: OffsetDateTime) -> Tokens {
    Tokens::new("access", "refresh", now + Duration::from_secs(600))
}

/// One call of a method.
async fn call(store: &dyn Store, method: &str, about: &About) -> Result<(), StoreError> {
    let About { id, team, now, .. } = about;
    let later = *now + Duration::from_secs(60);
    let sequence = Sequence::new(1);
    let ann = || "ann@example.com".parse().unwrap();
    let revision = async {
        let known = store.get(id).await?;
        Ok::<_, StoreError>(known.map_or(0, |known| known.revision))
    };
    match method {
        "next_sequence" => drop(store.next_sequence().await?),
        "put" => {
            let mut registration = Registration::active(Some(tokens(*now)));
            registration.revision = revision.await?;
            store.put(id, registration).await?;
        }
        "get" => drop(store.get(id).await?),
        "find_legacy" => drop(store.find_legacy(&"its-own".parse().unwrap()).await?),
        "load" => drop(store.load(id).await?),
        "load_page" => drop(store.load_page(None, 10).await?),
        "set_tokens" => drop(store.set_tokens(id, tokens(*now), revision.await?).await?),
        "set_list" => {
            let app = App::new("shop".parse().unwrap(), "shop");
            let list = ResourceList::new("addon", app, People::default());
            let list = Dated::new(list, sequence, *now, Duration::ZERO);
            store.set_list(id, list).await?;
        }
        "set_members" => {
            let members = Dated::new(People::default(), sequence, *now, Duration::ZERO);
            store.set_members(team, members).await?;
        }
        "members" => drop(store.members(team).await?),
        "begin_deprovisioning" => drop(store.begin_deprovisioning(id).await?),
        "end" => drop(store.end(id).await?),
        "complete_deprovisioning" => drop(store.complete_deprovisioning(id).await?),
        "note_absence" => {
            let sign = AbsenceSign::new(AbsenceKind::NotFound, sequence, *now);
            store.note_absence(id, sign).await?;
        }
        "make_dormant" => {
            let brake = Brake::default();
            store.make_dormant(id, sequence, *now, &brake).await?;
        }
        "end_dormant" => drop(store.end_dormant(id, sequence).await?),
        "set_webhook" => store.set_webhook(id, "fingerprint").await?,
        "revoke" => {
            let revocation = Revocation::new(ann(), sequence, *now);
            store.revoke(id, revocation, *now).await?;
        }
        "note_pending_removal" => {
            store
                .note_pending_removal(id, PendingRemoval::new(ann(), sequence))
                .await?
        }
        "erase" => store.erase(id).await?,
        "consume" => drop(store.consume(&about.key, later, *now).await?),
        "is_consumed" => drop(store.is_consumed(&about.key).await?),
        "close_session" => store.close_session(&about.session, later, *now).await?,
        "is_session_closed" => drop(store.is_session_closed(&about.session).await?),
        "erase_person" => drop(store.erase_person(&ann()).await?),
        "revoke_all" => store.revoke_all(id, sequence).await?,
        of_sessions => call_of_sessions(store, of_sessions, about).await?,
    }
    Ok(())
}

/// One call of a method of the part for sessions.
async fn call_of_sessions(
    store: &dyn Store,
    method: &str,
    about: &About,
) -> Result<(), StoreError> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);

    let records = store.sessions().expect("a store that keeps sessions");
    match method {
        "insert_session" => {
            // The gate never repeats a key.
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let session = SessionRecord::from_stored(
                SessionKey::from_stored(format!("session-{number}")),
                about.id,
                "ann@example.com".parse().unwrap(),
                SessionKind::Browser,
                Sequence::new(1),
                [about.now; 3],
                "{}".to_owned(),
            );
            assert!(records.insert_session(&session).await?);
        }
        "find_session" => drop(records.find_session(&about.session).await?),
        "list_sessions" => drop(records.list_sessions(&about.id, None, 10).await?),
        "note_seen" => {
            let seen = [(about.session.clone(), about.now)];
            records.note_seen(&seen).await?;
        }
        other => panic!("{other} is no method"),
    }
    Ok(())
}

/// Repeats a dropped call, and checks that a single-use operation is not done twice.
async fn at_each_step(store: &dyn Store, method: &'static str, number: &mut u64) -> usize {
    for steps in 1..MOST {
        *number += 1;
        let about = About::new(*number);
        let registration = Registration::active(Some(tokens(about.now)));
        assert!(store.put(&about.id, registration).await.unwrap());
        let done = leave_after(steps, call(store, method, &about)).await;
        assert!(!matches!(done, Some(Err(_))), "{method}: {done:?}");
        let again = async {
            call(store, method, &about).await.unwrap();
            call(store, "next_sequence", &about).await.unwrap();
            if method == "consume" {
                let later = about.now + Duration::from_secs(60);
                assert!(!store.consume(&about.key, later, about.now).await.unwrap());
            }
            if method == "put" || method == "set_tokens" {
                let known = store.get(&about.id).await.unwrap();
                assert!(known.unwrap().tokens.is_some(), "{method}");
            }
        };
        let again = timeout(PATIENCE, again).await;
        again.unwrap_or_else(|_| panic!("{method}, dropped after {steps} steps: held"));
        if done.is_some() {
            return steps;
        }
    }
    panic!("{method} does not end");
}

async fn each_method(store: &dyn Store) {
    let mut number = 0;
    let methods = NAMES.iter().filter_map(|name| {
        let of_store = name.strip_prefix("Store::");
        of_store.or_else(|| name.strip_prefix("SessionRecords::"))
    });
    for method in methods {
        let steps = at_each_step(store, method, &mut number).await;
        println!("{method}: {steps} steps");
    }
}

#[test]
fn store_call_dropped_at_any_step_can_be_repeated() {
    runtime().block_on(async {
        each_method(&MemoryStore::default()).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.sqlite");
        let keys = || EncryptionKeys::new(EncryptionKey::from_base64(KEY).unwrap());
        for steps in 1..MOST {
            if leave_after(steps, SqliteStore::open(&file, keys()))
                .await
                .is_some()
            {
                break;
            }
        }
        let store = SqliteStore::open(&file, keys()).await.unwrap();
        each_method(&store).await;
        for steps in 1..MOST {
            if leave_after(steps, store.reencrypt()).await.is_some() {
                break;
            }
        }
        assert_eq!(store.reencrypt().await.unwrap(), 0);
    });
}
