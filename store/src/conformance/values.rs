//! Values that the rules store, and helpers to store and read them.

use std::sync::LazyLock;
use std::time::Duration;

use time::OffsetDateTime;

use crate::clock::{Clock as _, SystemClock};
use crate::ids::{AppId, ResourceId, TeamId};
use crate::people::{Email, People, Person, Role};
use crate::record::{Dated, Registration};
use crate::replay_key::ReplayKey;
use crate::resource_list::{App, ResourceList, Team};
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::session_record::SessionKind;
use crate::session_record::{SessionRecord, SessionRecords};
use crate::store::Store;
use crate::tokens::Tokens;

/// The same in a whole run, so that a value that is made twice is equal. In whole seconds, so that the
/// precision of a store does not matter.
pub(super) fn now() -> OffsetDateTime {
    static NOW: LazyLock<OffsetDateTime> =
        LazyLock::new(|| SystemClock::default().now().replace_nanosecond(0).unwrap());
    *NOW
}

pub(super) fn resource(number: u128) -> ResourceId {
    uuid::Uuid::from_u128(number).into()
}

pub(super) fn email(text: &str) -> Email {
    text.parse().unwrap()
}

pub(super) fn tokens(name: &str) -> Tokens {
    Tokens::new(
        format!("HRKU-{name}-access"),
        format!("HRKU-{name}-refresh"),
        now() + Duration::from_secs(28_800),
    )
}

pub(super) fn people(names: &[&str]) -> People {
    let person = |name: &&str| {
        let email = email(&format!("{name}@example.com"));
        Person::new(email, Some("u-1".parse().unwrap()), Some(Role::Admin))
    };
    names.iter().map(person).collect()
}

pub(super) fn app() -> App {
    let id: AppId = "app-1".parse().unwrap();
    App::new(id, "shop")
}

pub(super) fn team() -> Team {
    let id: TeamId = "team-1".parse().unwrap();
    Team::new(id, "acme")
}

pub(super) fn list(names: &[&str], sequence: i64) -> Dated<ResourceList> {
    let list = ResourceList::new("acme-db-round-1", app(), people(names)).with_team(team());
    Dated::new(list, Sequence::new(sequence), now(), Duration::ZERO)
}

pub(super) fn members(names: &[&str], sequence: i64) -> Dated<People> {
    Dated::new(
        people(names),
        Sequence::new(sequence),
        now(),
        Duration::ZERO,
    )
}

pub(super) async fn active(store: &impl Store, id: &ResourceId) {
    let registration = Registration::active(Some(tokens("first")));
    assert!(store.put(id, registration).await.unwrap());
}

pub(super) fn session(number: i64, resource: ResourceId, who: &str) -> SessionRecord {
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

pub(super) fn records(store: &impl Store) -> &dyn SessionRecords {
    store.sessions().expect("a store that keeps sessions")
}

pub(super) async fn insert(store: &impl Store, session: &SessionRecord) {
    assert!(records(store).insert_session(session).await.unwrap());
}

pub(super) async fn find(store: &impl Store, session: &SessionRecord) -> Option<SessionRecord> {
    records(store).find_session(&session.key).await.unwrap()
}

/// The numbers of the sessions that are listed.
pub(super) async fn listed(store: &impl Store, id: &ResourceId, who: Option<&Email>) -> Vec<i64> {
    let sessions = records(store).list_sessions(id, who, 100).await.unwrap();
    sessions.iter().map(|it| it.sequence.number()).collect()
}

/// The replay key of a sign-in at this second.
pub(super) fn replay_key(timestamp: i64) -> ReplayKey {
    ReplayKey::resource(resource(7), timestamp)
}
