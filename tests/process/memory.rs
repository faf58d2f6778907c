//! The memory of lists. In its own process, as it counts all allocations.

use std::alloc::System;
use std::time::Duration;

use heroku_addon_simulator::Simulator;
use heroku_sso_store::{Dated, Registration, Store};
use stats_alloc::Region;
use support::world::builder;
use time::OffsetDateTime;
use tower_heroku_sso::access::{AccessList, Admission, App, People, Person, ResourceList, Team};
use tower_heroku_sso::store::{EncryptionKey, EncryptionKeys, SqliteStore};
use tower_heroku_sso::sync::Change;
use tower_heroku_sso::{Email, ListPolicy, ManualClock, ResourceId, Role, UserId};
use uuid::Uuid;

use crate::ALLOCATOR;
use crate::alone::{alone, alone_async};

const LISTS: usize = 1_000;
const PEOPLE: usize = 10;

fn person(number: usize) -> Person {
    let role = [Role::Owner, Role::Admin, Role::Member, Role::Collaborator][number % 4].clone();
    let permissions = ["view", "deploy", "operate", "manage"];
    let email = format!("person-{number:06}@example.com").parse().unwrap();
    Person::new(email, Some(user(number)), Some(role))
        .with_permissions(permissions[..number % 5].iter().map(|name| (*name).into()))
}

fn user(number: usize) -> UserId {
    format!("01234567-89ab-cdef-0123-{number:012}")
        .parse()
        .unwrap()
}

fn people(start: usize, number: usize) -> People {
    (start..start + number).map(person).collect()
}

fn bytes(region: &Region<'_, System>) -> usize {
    let stats = region.change();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// One test, so that nothing else allocates meanwhile. Counts the allocated bytes.
#[test]
fn list_entry_takes_under_64_bytes_and_team_members_are_shared() {
    alone(
        "memory::list_entry_takes_under_64_bytes_and_team_members_are_shared",
        || {
            drop(people(0, 20)); // One-time allocations, independent of the number of lists.

            let region = Region::new(ALLOCATOR);
            let mut lists = Vec::with_capacity(LISTS);
            for list in 0..LISTS {
                lists.push(AccessList::of_app(
                    people(list * PEOPLE, PEOPLE),
                    ListPolicy::Documented,
                ));
            }
            let each = bytes(&region) / (LISTS * PEOPLE);
            assert!(each < 64, "{each} bytes a membership");

            let team = people(0, 1_000);
            let region = Region::new(ALLOCATOR);
            let mut of_team = Vec::with_capacity(LISTS);
            for _ in 0..LISTS {
                let list = AccessList::of_team_app(
                    People::default(),
                    team.clone(),
                    ListPolicy::Documented,
                );
                of_team.push(list);
            }
            let each = bytes(&region) / (LISTS * team.len());
            assert_eq!(each, 0, "bytes for each member of each list of the team");

            // The lookup of every request.
            let email: Email = "person-000007@example.com".parse().unwrap();
            let (mine, stranger) = (user(7), "stranger@example.com".parse().unwrap());
            let region = Region::new(ALLOCATOR);
            let refused = lists[0].admission(&stranger, None);
            assert_eq!(region.change().allocations, 0);
            let admitted = lists[0].admission(&email, Some(&mine));
            assert!(region.change().allocations <= 2, "{:?}", region.change());
            assert!(matches!(refused, Admission::NotListed));
            assert!(matches!(admitted, Admission::Listed(_)));
        },
    );
}

/// Ten people on each list, half of the apps owned by teams, loaded from a database.
#[test]
fn loaded_resource_of_ten_people_takes_under_1000_bytes() {
    alone_async(
        "memory::loaded_resource_of_ten_people_takes_under_1000_bytes",
        async {
            const RESOURCES: usize = 2_000;
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("fleet.db");
            let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
            let keys = || EncryptionKeys::new(EncryptionKey::from_base64(key).unwrap());
            let store = SqliteStore::open(&file, keys()).await.unwrap();
            for number in 0..RESOURCES {
                fill(&store, number).await;
            }
            let heroku = Simulator::start().await.unwrap();
            let clock = ManualClock::new();
            let sso = builder(&heroku, &clock)
                .store(SqliteStore::open(&file, keys()).await.unwrap())
                .sync_only_in_use()
                .build()
                .await
                .unwrap();
            let region = Region::new(ALLOCATOR);
            let sync = sso.spawn_sync();
            let mut changes = sso.lists().changes();
            while !matches!(changes.next().await, Some(Change::CaughtUp)) {}
            drop(changes);
            let health = sso.lists().health().await;
            assert_eq!((health.resources, health.without_list), (RESOURCES, 0));
            let each = bytes(&region) / RESOURCES;
            println!("{each} bytes a resource");
            assert!(each < 1_000, "{each} bytes a resource");
            sync.shutdown().await;
        },
    );
}

async fn fill(store: &SqliteStore, number: usize) {
    let id = ResourceId::from(Uuid::from_u128(number as u128 + 1));
    assert!(store.put(&id, Registration::active(None)).await.unwrap());
    let app = App::new(
        Uuid::from_u128(number as u128).into(),
        format!("app-{number}"),
    );
    let list = ResourceList::new(
        format!("acme-db-round-{number}"),
        app,
        people(number * PEOPLE, PEOPLE),
    );
    let list = match number % 2 {
        0 => {
            let team = format!("team-{}", number / 40);
            list.with_team(Team::new(team.parse().unwrap(), &team))
        }
        _ => list,
    };
    let sequence = store.next_sequence().await.unwrap();
    let asked_at = OffsetDateTime::now_utc();
    let dated = Dated::new(list, sequence, asked_at, Duration::ZERO);
    store.set_list(&id, dated).await.unwrap();
}
