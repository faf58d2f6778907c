//! Lists: membership, difference, and parsing from JSON.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use tower_heroku_sso::access::{AccessList, People, Person, difference};
use tower_heroku_sso::{Email, ListPolicy, Role};

pub fn measure(c: &mut Criterion) {
    look_up(c);
    differences(c);
    json(c);
}

/// A list of a team's app; half of the members are collaborators as well.
fn list(members: usize) -> AccessList {
    let (team, app) = (
        people(members, Role::Member),
        people(members / 2, Role::Collaborator),
    );
    AccessList::of_team_app(app, team, ListPolicy::Documented)
}

fn people(number: usize, role: Role) -> People {
    let person = |number| {
        let account = format!("account-{number:06}").parse().expect("an id");
        Person::new(email(number), Some(account), Some(role.clone()))
    };
    (0..number).map(person).collect()
}

fn email(number: usize) -> Email {
    let email = format!("person-{number:06}@example.com");
    email.parse().expect("an email")
}

fn look_up(c: &mut Criterion) {
    let mut group = c.benchmark_group("look-up");
    for members in [10, 1_000, 100_000] {
        let list = list(members);
        // Many people, so that the list does not fit into the first-level cache.
        let asked: Vec<_> = (0..1_000).map(|n| email(n * 7_919 % members)).collect();
        let mut asked = asked.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(members), |bencher| {
            bencher.iter(|| list.admission(asked.next().expect("at least one"), None));
        });
    }
    group.finish();
}

/// One member removed and one added.
fn differences(c: &mut Criterion) {
    let mut group = c.benchmark_group("difference");
    for members in [10, 1_000, 100_000] {
        let list_of = |numbers: std::ops::Range<usize>| {
            let person = |number| Person::new(email(number), None, Some(Role::Collaborator));
            AccessList::of_app(numbers.map(person).collect(), ListPolicy::Documented)
        };
        let (old, new) = (list_of(0..members), list_of(1..members + 1));
        assert_eq!(difference(&old, &new).len(), 2);
        if members > 10_000 {
            group.sample_size(10);
        }
        group.bench_function(BenchmarkId::from_parameter(members), |bencher| {
            bencher.iter(|| difference(black_box(&old), black_box(&new)));
        });
    }
    group.finish();
}

/// The stores' JSON of people, which has all relevant fields of Heroku's. No public function reads Heroku's
/// own.
fn json(c: &mut Criterion) {
    let mut group = c.benchmark_group("json");
    let text = serde_json::to_string(&people(1_000, Role::Member)).expect("JSON");
    group.bench_function("1000 people, bare values", |bencher| {
        bencher.iter(|| serde_json::from_str::<serde_json::Value>(black_box(&text)));
    });
    group.bench_function("1000 people to a list", |bencher| {
        let read = || {
            let people: People = serde_json::from_str(black_box(&text)).expect("people");
            AccessList::of_app(people, ListPolicy::Documented)
        };
        bencher.iter(read);
    });
    group.finish();
}
