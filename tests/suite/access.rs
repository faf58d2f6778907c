//! The access list as a value.

use tower_heroku_sso::access::{
    AccessList, Account, Admission, AttachedPeople, ListChange, People, Person, ResourceList,
    difference,
};
use tower_heroku_sso::{Email, ListPolicy, Role, UserId};

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

fn user(text: &str) -> UserId {
    text.parse().unwrap()
}

fn person(address: &str, role: Role) -> Person {
    Person::new(email(address), None, Some(role))
}

fn people(people: impl IntoIterator<Item = Person>) -> People {
    people.into_iter().collect()
}

fn listed(list: &AccessList, address: &str) -> bool {
    matches!(list.admission(&email(address), None), Admission::Listed(_))
}

fn roles(list: &AccessList, address: &str) -> Vec<String> {
    match list.admission(&email(address), None) {
        Admission::Listed(member) => member.roles().iter().map(ToString::to_string).collect(),
        other => panic!("{address}: {other:?}"),
    }
}

#[test]
fn list_admits_team_members_and_collaborators() {
    let list = AccessList::of_team_app(
        people([person("ann@example.com", Role::Collaborator)]),
        people([person("lead@example.com", Role::Admin)]),
        ListPolicy::Documented,
    );
    assert!(listed(&list, "ann@example.com") && listed(&list, "LEAD@example.com"));
    assert!(!listed(&list, "bob@example.com"));
}

#[test]
fn member_of_both_lists_has_roles_and_permissions_of_both() {
    let deploy = person("ann@example.com", Role::Collaborator).with_permissions(["deploy".into()]);
    let list = AccessList::of_team_app(
        people([deploy]),
        people([person("Ann@Example.com", Role::Admin)]),
        ListPolicy::Documented,
    );
    assert_eq!(roles(&list, "ann@example.com"), ["admin", "collaborator"]);
    let members: Vec<_> = list.members().collect();
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].permissions()[0].as_str(), "deploy");
}

#[test]
fn herokumanager_pseudo_users_are_not_listed() {
    let manager = person("acme@herokumanager.com", Role::Owner);
    let list = AccessList::of_app(people([manager]), ListPolicy::Documented);
    assert!(!listed(&list, "acme@herokumanager.com"));
    assert_eq!(list.members().count(), 0);
}

#[test]
fn strict_policy_omits_collaborators_of_other_team_apps() {
    let collaborators = people([person("both@example.com", Role::Collaborator)]);
    let members = people([
        person("other-app@example.com", Role::Collaborator),
        person("both@example.com", Role::Collaborator),
        person("member@example.com", Role::Member),
        person("viewer@example.com", Role::Viewer),
        person("new@example.com", Role::Other("auditor".into())),
        Person::new(email("roleless@example.com"), None, None),
    ]);
    let documented = AccessList::of_team_app(
        collaborators.clone(),
        members.clone(),
        ListPolicy::Documented,
    );
    let strict = AccessList::of_team_app(collaborators, members, ListPolicy::Strict);
    assert!(listed(&documented, "other-app@example.com"));
    assert!(!listed(&strict, "other-app@example.com"));
    assert!(!listed(&strict, "roleless@example.com"));
    for address in ["both", "member", "viewer", "new"] {
        assert!(
            listed(&strict, &format!("{address}@example.com")),
            "{address}"
        );
    }
    assert_eq!(strict.members().count(), 4);
}

#[test]
fn person_of_attached_app_is_listed_without_roles() {
    let manage = ["manage".into()];
    let attached = people([
        person("ben@example.com", Role::Admin).with_permissions(manage),
        person("ann@example.com", Role::Admin),
        person("lead@example.com", Role::Owner),
        person("other-app@example.com", Role::Owner),
        person("bank@herokumanager.com", Role::Owner),
    ]);
    let list = AccessList::of_team_app(
        people([person("ann@example.com", Role::Collaborator)]),
        people([
            person("lead@example.com", Role::Member),
            person("other-app@example.com", Role::Collaborator),
        ]),
        ListPolicy::Strict,
    );
    let list = list.with_attached(attached);
    for (address, expected) in [
        ("Ben@example.com", None),
        ("ann@example.com", Some("collaborator")),
        ("lead@example.com", Some("member")),
        // The team's entry does not count.
        ("other-app@example.com", None),
    ] {
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(roles(&list, address), expected, "{address}");
    }
    assert!(!listed(&list, "bank@herokumanager.com"));
    let members: Vec<_> = list.members().collect();
    assert_eq!(members.len(), 4);
    assert!(members.iter().all(|member| member.permissions().is_empty()));
    let roles = members.iter().map(|member| member.roles().iter().count());
    assert_eq!(roles.collect::<Vec<_>>(), [1, 0, 1, 0]);
}

#[test]
fn a39_email_with_another_attached_account_is_disputed() {
    let entry = |id| Person::new(email("ann@example.com"), Some(user(id)), Some(Role::Admin));
    let no_people = People::default;
    let policy = ListPolicy::Documented;
    let lists = [
        AccessList::of_app(people([entry("u-1")]), policy),
        AccessList::of_team_app(no_people(), people([entry("u-1")]), policy),
        AccessList::of_team_app(people([entry("u-1")]), people([entry("u-1")]), policy),
        AccessList::of_team_app_without_members(people([entry("u-1")]), policy),
    ];
    let ann = email("ann@example.com");
    for list in lists {
        let same = list.clone().with_attached(people([entry("u-1")]));
        let other = list.with_attached(people([entry("u-2")]));
        for id in [None, Some(user("u-1"))] {
            let admission = same.admission(&ann, id.as_ref());
            assert!(matches!(admission, Admission::Listed(_)));
            assert_eq!(other.admission(&ann, id.as_ref()), Admission::OtherAccount);
        }
        assert_eq!(
            same.admission(&ann, Some(&user("u-2"))),
            Admission::OtherAccount
        );
    }
    let only = AccessList::of_app(no_people(), policy).with_attached(people([entry("u-1")]));
    assert_eq!(
        only.admission(&ann, Some(&user("u-2"))),
        Admission::OtherAccount
    );
    assert!(matches!(only.admission(&ann, None), Admission::Listed(_)));
}

/// Without attached apps, a list is stored as the release before stored it, so that either release reads it.
#[test]
fn stored_list_without_attached_apps_is_read() {
    let app = "a0000000-0000-4000-8000-000000000001";
    let before = serde_json::json!({
        "addon_name": "acme-db-1", "app": { "id": app, "name": "shop" },
        "team": null, "web_url": null, "collaborators": [],
    });
    let list: ResourceList = serde_json::from_value(before.clone()).unwrap();
    assert_eq!(list.attached, None);
    assert_eq!(serde_json::to_value(&list).unwrap(), before);
    let ben = people([person("ben@example.com", Role::Admin)]);
    let list = list.with_attached(AttachedPeople::new(ben, vec![app.parse().unwrap()]));
    let stored = serde_json::to_string(&list).unwrap();
    assert_eq!(serde_json::from_str::<ResourceList>(&stored).unwrap(), list);
}

#[test]
fn a39_email_with_another_account_id_is_rejected() {
    let ann = Person::new(
        email("ann@example.com"),
        Some(user("u-1")),
        Some(Role::Collaborator),
    );
    let list = AccessList::of_app(people([ann]), ListPolicy::Documented);
    let ann = email("ann@example.com");
    assert!(matches!(
        list.admission(&ann, Some(&user("U-1"))),
        Admission::Listed(_)
    ));
    assert!(matches!(list.admission(&ann, None), Admission::Listed(_)));
    assert_eq!(
        list.admission(&ann, Some(&user("u-2"))),
        Admission::OtherAccount
    );
}

#[test]
fn u22_email_with_two_accounts_admits_neither() {
    let entry = |id| Person::new(email("ann@example.com"), Some(user(id)), None);
    let twice = people([entry("u-1"), entry("u-2")]);
    assert_eq!(twice.len(), 1);
    assert_eq!(twice.iter().next().unwrap().account, Account::Disputed);
    let within = AccessList::of_app(twice, ListPolicy::Documented);
    let between = AccessList::of_team_app(
        people([entry("u-1")]),
        people([entry("u-2")]),
        ListPolicy::Documented,
    );
    for list in [within, between] {
        for id in [None, Some(user("u-1")), Some(user("u-2"))] {
            let admission = list.admission(&email("ann@example.com"), id.as_ref());
            assert_eq!(admission, Admission::OtherAccount);
        }
    }
}

#[test]
fn u2_partial_list_reports_missing_email_as_unknown() {
    let ann = people([person("ann@example.com", Role::Collaborator)]);
    let list = AccessList::of_team_app_without_members(ann, ListPolicy::Documented);
    assert!(listed(&list, "ann@example.com"));
    assert_eq!(
        list.admission(&email("lead@example.com"), None),
        Admission::Unknown
    );
    let manager = email("acme@herokumanager.com");
    assert_eq!(list.admission(&manager, None), Admission::NotListed);
}

#[test]
fn unknown_role_name_is_kept() {
    let list = AccessList::of_app(
        people([person("ann@example.com", Role::from("auditor"))]),
        ListPolicy::Documented,
    );
    assert_eq!(roles(&list, "ann@example.com"), ["auditor"]);
}

#[test]
fn difference_reports_added_removed_and_changed_members() {
    let before = AccessList::of_app(
        people([
            person("ann@example.com", Role::Collaborator),
            person("bob@example.com", Role::Collaborator),
            person("cleo@example.com", Role::Collaborator),
        ]),
        ListPolicy::Documented,
    );
    let after = AccessList::of_app(
        people([
            person("bob@example.com", Role::Admin),
            person("cleo@example.com", Role::Collaborator),
            person("dan@example.com", Role::Collaborator),
        ]),
        ListPolicy::Documented,
    );
    let changes = difference(&before, &after);
    assert!(matches!(&changes[..], [
        ListChange::Removed(ann),
        ListChange::RoleChanged { email: bob, .. },
        ListChange::Added(dan),
    ] if ann.as_str() == "ann@example.com"
        && bob.as_str() == "bob@example.com"
        && dan.email.as_str() == "dan@example.com"));
    assert!(difference(&after, &after).is_empty());
}

#[test]
fn u2_partial_list_removes_no_members() {
    let ann = people([person("ann@example.com", Role::Collaborator)]);
    let lead = people([person("lead@example.com", Role::Admin)]);
    let whole = AccessList::of_team_app(ann.clone(), lead, ListPolicy::Documented);
    let partial = AccessList::of_team_app_without_members(ann, ListPolicy::Documented);
    assert!(difference(&whole, &partial).is_empty());
}

#[test]
fn people_round_trip_through_json() {
    let people = people([
        person("ann@example.com", Role::from("auditor")).with_permissions(["view".into()]),
        Person::new(email("lead@example.com"), Some(user("u-1")), None),
    ]);
    let stored = serde_json::to_string(&people).unwrap();
    assert_eq!(serde_json::from_str::<People>(&stored).unwrap(), people);
}

#[test]
fn people_report_count_and_permissions() {
    let empty = people([]);
    assert_eq!((empty.len(), empty.is_empty()), (0, true));
    let deploy = person("ann@example.com", Role::Collaborator).with_permissions(["deploy".into()]);
    assert_eq!(deploy.permissions(), ["deploy".into()]);
    let two = people([deploy, person("bob@example.com", Role::Collaborator)]);
    assert_eq!((two.len(), two.is_empty()), (2, false));
}

#[test]
fn person_is_found_by_email_alone() {
    let people = people([
        person("ann@example.com", Role::Admin),
        person("bob@example.com", Role::Member),
    ]);
    let found = people.find(&email("Bob@Example.com"));
    assert_eq!(found, Some(person("bob@example.com", Role::Member)));
    assert_eq!(people.find(&email("cem@example.com")), None);
}
