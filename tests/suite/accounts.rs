//! Changes of the Heroku account behind an email: the events for a partner's table, and the gate's answers.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tower_heroku_sso::access::{AccessList, ListChange, Member, People, Person, Roles, difference};
use tower_heroku_sso::sync::Change;
use tower_heroku_sso::{Email, ListPolicy, Role, SsoPolicy, UserId};

use crate::log::Log;
use support::ids::AddOnExt as _;
use support::world::{World, next};

/// The key of a partner's table: the account, or the email of a user without one.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Key {
    Account(UserId),
    Email(Email),
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Row {
    email: Email,
    roles: Roles,
}

impl Key {
    fn of(member: &Member) -> Self {
        match &member.user_id {
            Some(id) => Self::Account(id.clone()),
            None => Self::Email(member.email.clone()),
        }
    }
}

impl Row {
    fn of(member: &Member) -> Self {
        Self {
            email: member.email.clone(),
            roles: member.roles().clone(),
        }
    }
}

/// One row for each account.
#[derive(Debug)]
struct ByAccount(BTreeMap<Key, Row>);

impl ByAccount {
    fn of(list: &AccessList) -> Self {
        let rows = list.members();
        Self(
            rows.map(|member| (Key::of(&member), Row::of(&member)))
                .collect(),
        )
    }

    fn put(&mut self, member: &Member) {
        self.0.insert(Key::of(member), Row::of(member));
    }

    fn end(&mut self, key: &Key, email: &Email) {
        if self.0.get(key).is_some_and(|row| row.email == *email) {
            self.0.remove(key);
        }
    }

    fn apply(&mut self, change: &ListChange) {
        match change {
            ListChange::AccountKnown(member) => {
                let before = self.0.remove(&Key::Email(member.email.clone()));
                assert!(
                    before.is_some(),
                    "{member:?} was not there without an account"
                );
                self.put(member);
            }
            ListChange::AccountReplaced { from, to } => {
                self.end(&Key::Account(from.clone()), &to.email);
                self.put(to);
            }
            ListChange::AccountUnknown { from, member } => {
                self.end(&Key::Account(from.clone()), &member.email);
                self.put(member);
            }
            ListChange::Added(member) => self.put(member),
            ListChange::EmailChanged { to, .. } => {
                let row = self.0.get_mut(&Key::of(to)).expect("a row of this account");
                row.email = to.email.clone();
                row.roles = to.roles().clone();
            }
            ListChange::Removed(email) => self.0.retain(|_, row| row.email != *email),
            ListChange::RoleChanged { email, to, .. } => {
                for row in self.0.values_mut().filter(|row| row.email == *email) {
                    row.roles = to.clone();
                }
            }
            other => panic!("{other:?}"),
        }
    }

    /// An account can have two emails on a list: its row has one of them.
    fn assert_is(&self, wanted: &BTreeMap<Email, Member>) {
        let keys: BTreeSet<_> = wanted.values().map(Key::of).collect();
        assert_eq!(self.0.keys().cloned().collect::<BTreeSet<_>>(), keys);
        for (key, row) in &self.0 {
            let member = &wanted[&row.email];
            assert_eq!((&Key::of(member), &Row::of(member)), (key, row));
        }
    }
}

/// One row for each email, with its account.
#[derive(Debug)]
struct ByEmail(BTreeMap<Email, Member>);

impl ByEmail {
    fn put(&mut self, member: &Member) {
        self.0.insert(member.email.clone(), member.clone());
    }

    fn apply(&mut self, change: &ListChange, new: &BTreeMap<Email, Member>) {
        match change {
            ListChange::AccountKnown(member) => {
                let before = self.0[&member.email].user_id.clone();
                assert_eq!((before.is_some(), member.user_id.is_some()), (false, true));
                self.put(member);
            }
            ListChange::AccountReplaced { from, to } => {
                assert_eq!(self.0[&to.email].user_id.as_ref(), Some(from));
                self.put(to);
            }
            ListChange::AccountUnknown { from, member } => {
                assert_eq!(self.0[&member.email].user_id.as_ref(), Some(from));
                assert_eq!(member.user_id, None);
                self.put(member);
            }
            ListChange::Added(member) => {
                self.put(member);
            }
            ListChange::EmailChanged { from, to } => {
                let before = self.0.remove(from).expect("the email until now");
                assert!(before.user_id.is_some());
                assert_eq!(before.user_id, to.user_id);
                self.put(to);
            }
            ListChange::Removed(email) => {
                assert!(self.0.remove(email).is_some());
            }
            ListChange::RoleChanged { email, to, .. } => {
                assert_eq!(*to, *new[email].roles());
                // A test cannot construct a `Member` with other roles, so it takes the list's.
                let account = self.0[email].user_id.clone();
                assert_eq!(account, new[email].user_id);
                self.put(&new[email]);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The members after a change. A partial list (without the team's members) removes none.
fn wanted(old: &AccessList, new: &AccessList) -> BTreeMap<Email, Member> {
    let before = old.members().filter(|_| new.is_partial());
    let members = before.chain(new.members());
    members
        .map(|member| (member.email.clone(), member))
        .collect()
}

fn assert_tables_follow(old: &AccessList, new: &AccessList) {
    let wanted = wanted(old, new);
    let changes = difference(old, new);
    let mut by_account = ByAccount::of(old);
    let before = old.members();
    let mut by_email = ByEmail(
        before
            .map(|member| (member.email.clone(), member))
            .collect(),
    );
    for change in &changes {
        by_account.apply(change);
        by_email.apply(change, &wanted);
    }
    by_account.assert_is(&wanted);
    assert_eq!(by_email.0, wanted);
    if old == new {
        assert!(changes.is_empty());
    }
}

fn person(email: usize, account: Option<usize>, role: Role) -> Person {
    let email = format!("{}@example.com", ["ann", "bob", "cem", "dan", "eve"][email]);
    let account = account.map(|number| format!("account-{number}").parse().unwrap());
    Person::new(email.parse().unwrap(), account, Some(role))
}

/// Every list of three emails, each absent, without an account, or with one of three accounts.
fn small_lists() -> Vec<AccessList> {
    let states = 5_usize;
    let lists = (0..states.pow(3)).map(|number| {
        let people = (0..3).filter_map(|email| {
            let account = match number / states.pow(u32::try_from(email).unwrap()) % states {
                0 => return None,
                1 => None,
                account => Some(account),
            };
            Some(person(email, account, Role::Collaborator))
        });
        AccessList::of_app(people.collect(), ListPolicy::Documented)
    });
    lists.collect()
}

#[test]
fn c11_events_update_a_table_between_any_two_small_lists() {
    let lists = small_lists();
    for old in &lists {
        for new in &lists {
            assert_tables_follow(old, new);
        }
    }
}

fn any_people() -> impl Strategy<Value = People> {
    let role = prop_oneof![
        Just(Role::Collaborator),
        Just(Role::Admin),
        Just(Role::Member)
    ];
    let one = (0..5_usize, proptest::option::of(0..4_usize), role);
    let one = one.prop_map(|(email, account, role)| person(email, account, role));
    proptest::collection::vec(one, 0..7).prop_map(People::from_iter)
}

fn any_list() -> impl Strategy<Value = AccessList> {
    let policy = prop_oneof![Just(ListPolicy::Documented), Just(ListPolicy::Strict)];
    (
        any_people(),
        proptest::option::of(any_people()),
        policy,
        0..4,
    )
        .prop_map(|(collaborators, team, policy, kind)| match (team, kind) {
            (None, _) => AccessList::of_app(collaborators, policy),
            (Some(_), 0) => AccessList::of_team_app_without_members(collaborators, policy),
            (Some(team), _) => AccessList::of_team_app(collaborators, team, policy),
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn c11_events_update_a_table_between_any_two_lists(old in any_list(), new in any_list()) {
        assert_tables_follow(&old, &new);
    }
}

fn one(email: usize, account: Option<usize>) -> AccessList {
    let people = [person(email, account, Role::Collaborator)];
    AccessList::of_app(people.into_iter().collect(), ListPolicy::Documented)
}

#[test]
fn c11_event_kind_tells_account_changes_from_email_changes() {
    let changes = difference(&one(0, Some(1)), &one(0, Some(2)));
    assert!(
        matches!(&changes[..], [ListChange::AccountReplaced { from, to }]
        if from.to_string() == "account-1" && to.user_id.is_some()),
        "{changes:?}"
    );
    let changes = difference(&one(0, Some(1)), &one(1, Some(1)));
    assert!(
        matches!(&changes[..], [ListChange::EmailChanged { from, to }]
        if from.as_str() == "ann@example.com" && to.email.as_str() == "bob@example.com"),
        "{changes:?}"
    );
    let changes = difference(&one(0, None), &one(0, Some(1)));
    assert!(
        matches!(&changes[..], [ListChange::AccountKnown(member)] if member.user_id.is_some()),
        "{changes:?}"
    );
    let changes = difference(&one(0, Some(1)), &one(0, None));
    assert!(
        matches!(&changes[..], [ListChange::AccountUnknown { .. }]),
        "{changes:?}"
    );
}

fn list(people: impl IntoIterator<Item = Person>) -> AccessList {
    AccessList::of_app(people.into_iter().collect(), ListPolicy::Documented)
}

#[test]
fn c11_new_email_with_other_roles_is_two_events() {
    let old = list([person(0, Some(1), Role::Collaborator)]);
    let new = list([person(1, Some(1), Role::Admin)]);
    let changes = difference(&old, &new);
    assert!(
        matches!(&changes[..], [
            ListChange::EmailChanged { from, .. },
            ListChange::RoleChanged { email, to, .. },
        ] if from.as_str() == "ann@example.com" && email.as_str() == "bob@example.com"
            && to.contains(&Role::Admin)),
        "{changes:?}"
    );
}

#[test]
fn c11_account_that_moves_to_a_left_email_is_not_added_too() {
    // Account 1 takes the email that account 2 gives up.
    let old = list([
        person(0, Some(1), Role::Collaborator),
        person(1, Some(2), Role::Collaborator),
    ]);
    let new = list([
        person(1, Some(1), Role::Collaborator),
        person(2, Some(2), Role::Collaborator),
    ]);
    let changes = difference(&old, &new);
    assert!(
        matches!(&changes[..], [
            ListChange::EmailChanged { from: second, .. },
            ListChange::EmailChanged { from: first, .. },
        ] if second.as_str() == "bob@example.com" && first.as_str() == "ann@example.com"),
        "{changes:?}"
    );
}

#[test]
fn c11_account_that_gives_up_one_of_two_emails_keeps_its_role() {
    let old = list([
        person(0, Some(1), Role::Admin),
        person(1, Some(1), Role::Collaborator),
    ]);
    let new = list([person(1, Some(1), Role::Collaborator)]);
    let changes = difference(&old, &new);
    assert!(
        matches!(&changes[..], [ListChange::EmailChanged { from, to }]
        if from.as_str() == "ann@example.com" && to.email.as_str() == "bob@example.com"),
        "{changes:?}"
    );
}

#[tokio::test]
async fn c11_changes_and_audit_log_report_new_email_and_account() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.refresh(&resource).await;
    let mut changes = world.sso.lists().changes();
    let first = next(&mut changes).await;
    assert!(matches!(first, Some(Change::Snapshot { .. })));

    let ann: UserId = world.heroku.accounts().id("ann@example.com").into();
    world
        .heroku
        .accounts()
        .change_email("ann@example.com", "anna@example.com");
    world.refresh(&resource).await;
    let change = next(&mut changes).await.unwrap();
    assert!(
        matches!(&change, Change::EmailChanged { from, to, .. }
        if from.as_str() == "ann@example.com" && to.user_id.as_ref() == Some(&ann)),
        "{change:?}"
    );
    assert_eq!(log.with(&["email_changed", "anna@example.com"]).len(), 1);

    let app = addon.app();
    app.remove("anna@example.com");
    let other: UserId = world.heroku.accounts().replace("anna@example.com").into();
    app.collaborator("anna@example.com");
    world.refresh(&resource).await;
    let change = next(&mut changes).await.unwrap();
    assert!(
        matches!(&change, Change::AccountReplaced { from, to, .. }
        if *from == ann && to.user_id.as_ref() == Some(&other)),
        "{change:?}"
    );
    assert_eq!(log.with(&["account_replaced", "anna@example.com"]).len(), 1);
}

#[tokio::test]
async fn c11_replaced_account_gets_403_without_redirect() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let app = addon.app();
    app.remove("ann@example.com");
    world.heroku.accounts().replace("ann@example.com");
    app.collaborator("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    let answer = browser.get("/page").await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(world.reached(), 0);
}

#[tokio::test]
async fn c11_changed_email_redirects_to_heroku_once_then_signs_in() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    // As in a browser: the landing page sets the cookie for the redirect to Heroku.
    assert_eq!(browser.get("/").await.status, 200);
    world
        .heroku
        .accounts()
        .change_email("ann@example.com", "anna@example.com");
    world.refresh(&addon.resource_id()).await;

    let answer = browser.get("/page").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(
        answer.header("location"),
        Some(addon.info().web_url.as_str())
    );
    // Only once, so there is no redirect loop.
    assert_eq!(browser.get("/page").await.status, 401);

    world.clock.advance(std::time::Duration::from_secs(1));
    let form = addon.sign_in_form("anna@example.com");
    assert_eq!(browser.submit(&form).await.status, 303);
    let landing = browser.get("/").await;
    assert_eq!(landing.header("location"), Some("/page"));
    assert_eq!(browser.get("/page").await.status, 200);
}

/// The answer must not reveal to a user with an unsigned email that the account is on the list.
#[tokio::test]
async fn c11_claimed_user_with_changed_email_gets_403() {
    let policy = SsoPolicy::AllowUnsignedEmail;
    let world = World::with(|builder| builder.sso_policy(policy)).await;
    let addon = world.addon().await;
    let mut form = addon.sign_in_form("ann@example.com");
    form.remove("user_scoped_resource_token");
    let browser = world.browser();
    assert_eq!(browser.submit(&form).await.status, 303);
    assert_eq!(browser.get("/page").await.status, 200);
    world
        .heroku
        .accounts()
        .change_email("ann@example.com", "anna@example.com");
    world.refresh(&addon.resource_id()).await;
    assert_eq!(browser.get("/page").await.status, 403);
}
