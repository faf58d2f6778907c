//! The memory of lists. In its own process, as it counts all allocations.

use std::alloc::System;

use stats_alloc::Region;
use tower_heroku_sso::access::{AccessList, Admission, ListPolicy, People, Person};
use tower_heroku_sso::ids::UserId;
use tower_heroku_sso::{Email, Role};

use crate::ALLOCATOR;
use crate::alone::alone;

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
fn list_entry_takes_under_100_bytes_and_team_members_are_shared() {
    alone(
        "memory::list_entry_takes_under_100_bytes_and_team_members_are_shared",
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
            assert!(each < 100, "{each} bytes a membership");

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
