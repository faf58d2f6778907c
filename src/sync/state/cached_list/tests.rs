//! Versions of lists, and how long their parts count.

use super::*;
use crate::access::{App, AttachedPeople};
use crate::clock::ManualClock;

fn version(own: i64, members: Option<i64>) -> ListVersion {
    ListVersion {
        own: Sequence::new(own),
        members: members.map(Sequence::new),
        attached: None,
    }
}

#[test]
fn newer_part_makes_a_list_outdated() {
    let with_team = version(20, Some(19));
    for (other, is_outdated) in [
        (version(20, Some(19)), false),
        (version(21, Some(19)), true),
        (version(20, Some(20)), true),
        (version(19, Some(18)), false),
        (version(20, None), false),
        (version(21, None), true),
    ] {
        assert_eq!(with_team.is_outdated_by(&other), is_outdated, "{other:?}");
    }
}

#[test]
fn newer_answer_about_attached_apps_makes_a_list_outdated() {
    let attached = |own, attached| ListVersion {
        attached: Some(Sequence::new(attached)),
        ..version(own, None)
    };
    assert!(attached(30, 10).is_outdated_by(&attached(20, 20)));
    assert!(!attached(30, 20).is_outdated_by(&attached(30, 10)));
    assert!(version(10, None).is_outdated_by(&attached(20, 20)));
    assert!(!version(30, None).is_outdated_by(&attached(20, 20)));
}

#[test]
fn removal_of_an_attached_person_ends_sessions_of_the_answer_before() {
    let attached = |own, attached| ListVersion {
        attached: Some(Sequence::new(attached)),
        ..version(own, None)
    };
    let removal = attached(20, 25);
    for (list, is_before) in [
        (attached(20, 10), true),
        (attached(10, 10), true),
        (version(20, None), true),
        (attached(20, 25), false),
        (attached(20, 30), false),
        // Its own part may have them.
        (attached(30, 10), false),
    ] {
        assert_eq!(list.is_before_removal(&removal), is_before, "{list:?}");
    }
    assert!(!attached(20, 25).is_wholly_since(&removal));
    assert!(attached(26, 25).is_wholly_since(&removal));
}

#[test]
fn people_of_attached_apps_count_up_to_and_including_the_limit() {
    let (manual, limit) = (ManualClock::new(), Duration::from_secs(600));
    let clock: SharedClock = Arc::new(manual.clone());
    let app = "00000000-0000-4000-8000-000000000001".parse().unwrap();
    let mut list = ResourceList::new("acme-1", App::new(app, "shop"), People::default());
    list.attached = Some(AttachedPeople::default());
    let own = OwnList {
        list,
        etags: None,
        asked_at: AsOf::now(&clock, Sequence::new(1)),
    };
    let list = CachedList::new(own, &Members::Withheld, ListPolicy::Documented, None);
    let moment = Duration::from_millis(1);
    for (passed, left) in [
        (Duration::ZERO, Some(limit + moment)),
        (limit, Some(moment)),
        (moment, None),
    ] {
        manual.advance(passed);
        let at = Reading::of(&clock);
        assert_eq!(list.attached_left(at, limit), left);
    }
}

#[test]
fn list_that_lost_its_team_is_newer_than_the_one_before() {
    let without_team = version(50, None);
    assert!(!without_team.is_outdated_by(&version(20, Some(19))));
    assert!(version(20, Some(19)).is_outdated_by(&without_team));
    assert!(version(15, None).is_outdated_by(&version(10, Some(19))));
    assert!(!version(19, None).is_outdated_by(&version(10, Some(19))));
}

#[test]
fn list_is_wholly_since_only_if_both_parts_are() {
    let since = version(20, Some(25));
    assert!(version(25, Some(25)).is_wholly_since(&since));
    assert!(!version(24, Some(30)).is_wholly_since(&since));
    assert!(!version(30, Some(24)).is_wholly_since(&since));
    assert!(version(25, None).is_wholly_since(&since));
    let since = version(25, Some(20));
    assert!(!version(24, Some(24)).is_wholly_since(&since));
    assert!(version(25, Some(25)).is_wholly_since(&since));
}
