//! The records of people at one resource.

use std::sync::Arc;

use super::*;
use crate::access::ListPolicy;
use crate::access::{App, People, Person, ResourceList, Team};
use crate::clock::{ManualClock, SharedClock};
use crate::sync::state::cached_list::OwnList;
use crate::sync::state::entry::Entry;
use crate::sync::state::member_list::Members;

const HOUR: Duration = Duration::from_secs(60 * 60);
const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn email(name: &str) -> Email {
    format!("{name}@example.com").parse().unwrap()
}

fn as_of(sequence: i64) -> AsOf {
    let clock: SharedClock = Arc::new(ManualClock::at(START));
    AsOf::now(&clock, Sequence::new(sequence))
}

fn list(sequence: i64, people: &[&str], is_partial: bool) -> CachedList {
    let people: People = people
        .iter()
        .map(|name| Person::new(email(name), None, None))
        .collect();
    let app = "00000000-0000-4000-8000-000000000001".parse().unwrap();
    let mut list = ResourceList::new("acme-1", App::new(app, "shop"), people);
    if is_partial {
        list = list.with_team(Team::new("team-1".parse().unwrap(), "team"));
    }
    let own = OwnList {
        list,
        etags: None,
        asked_at: as_of(sequence),
    };
    CachedList::new(own, &Members::Withheld, ListPolicy::Documented, None)
}

fn marks(marks: &PersonMarks, name: &str, account: Option<&str>, list: i64) -> Marks {
    let account = account.map(|account| account.parse().unwrap());
    let email = email(name);
    let who = Principal {
        email: &email,
        user_id: account.as_ref(),
        is_account_proved: true,
    };
    marks.about(&who, Some(super::tests::list(list, &[], false).version()))
}

/// Ann was on the list and is not on the one of sequence number 20, which lacks the team's members.
fn ann_missing() -> PersonMarks {
    let mut marks = PersonMarks::default();
    let removed = [ListChange::Removed(email("ann"))];
    marks.note_removals(&removed, &list(20, &[], true), Duration::ZERO, HOUR);
    marks
}

#[test]
fn later_revocation_counts_and_is_kept_while_sessions_are_open() {
    let mut known = PersonMarks::default();
    let at = |sequence, hours: u32| {
        Revocation::new(email("ann"), Sequence::new(sequence), START + HOUR * hours)
    };
    assert!(known.note_revocation(at(5, 1), START));
    assert!(!known.note_revocation(at(4, 2), START));
    assert!(!known.note_revocation(at(5, 2), START));
    assert!(known.note_revocation(at(6, 3), START));
    assert_eq!(
        marks(&known, "ann", None, 1).revoked,
        Some(Sequence::new(6))
    );
    assert_eq!(marks(&known, "bob", None, 1).revoked, None);
    let bob = Revocation::new(email("bob"), Sequence::new(7), START + HOUR * 9);
    assert!(known.note_revocation(bob, START + HOUR * 3));
    assert!(marks(&known, "ann", None, 1).revoked.is_some());
    let bob = Revocation::new(email("bob"), Sequence::new(8), START + HOUR * 9);
    assert!(known.note_revocation(bob, START + HOUR * 4));
    assert_eq!(marks(&known, "ann", None, 1).revoked, None);
}

#[test]
fn pending_removal_waits_for_a_list_requested_since() {
    let mut known = PersonMarks::default();
    known.note_pending_removal(email("ann"), as_of(10));
    assert!(marks(&known, "ann", None, 1).pending_removal.is_some());
    assert!(marks(&known, "bob", None, 1).pending_removal.is_none());
    known.settle(as_of(9));
    assert!(!known.is_empty());
    known.settle(as_of(10));
    assert!(known.is_empty());
}

#[test]
fn removals_of_several_people_are_pending_at_a_time() {
    let mut known = PersonMarks::default();
    known.note_pending_removal(email("ann"), as_of(10));
    known.note_pending_removal(email("bob"), as_of(11));
    known.note_pending_removal(email("bob"), as_of(12));
    let pending = |name| {
        let since = marks(&known, name, None, 1).pending_removal;
        since.map(|since| since.sequence)
    };
    assert_eq!(pending("ann"), Some(Sequence::new(10)));
    assert_eq!(pending("bob"), Some(Sequence::new(12)));
}

#[test]
fn newer_list_answers_a_pending_removal_that_is_noted_late() {
    let resource = "00000000-0000-4000-8000-000000000002".parse().unwrap();
    let entry = Entry::new(resource, None, Duration::ZERO);
    let newest = Arc::new(list(20, &["ann"], false));
    entry.set(&mut entry.progress(), Some(newest));
    let email = email("ann");
    let who = Principal {
        email: &email,
        user_id: None,
        is_account_proved: false,
    };
    for (since, is_pending) in [(20, false), (21, true)] {
        entry.note_pending_removal(email.clone(), as_of(since));
        let marks = entry.marks_of(&who, None);
        assert_eq!(marks.pending_removal.is_some(), is_pending, "{since}");
    }
}

#[test]
fn removal_ends_sessions_of_earlier_lists_only() {
    let known = ann_missing();
    assert!(
        !marks(&known, "ann", None, 19).was_removed,
        "only a whole list confirms it"
    );
    let mut known = ann_missing();
    known.note_removals(&[], &list(21, &[], false), Duration::ZERO, HOUR);
    assert!(marks(&known, "ann", None, 19).was_removed);
    assert!(!marks(&known, "ann", None, 20).was_removed);
    assert!(!marks(&known, "bob", None, 19).was_removed);
}

#[test]
fn person_on_the_next_whole_list_was_not_removed() {
    let mut known = ann_missing();
    known.note_removals(&[], &list(21, &["ann"], true), Duration::ZERO, HOUR);
    assert!(!known.is_empty(), "a partial list proves nothing");
    known.note_removals(&[], &list(22, &["ann"], false), Duration::ZERO, HOUR);
    assert!(known.is_empty());
}

#[test]
fn removal_is_kept_as_long_as_a_session_can_last() {
    let mut known = ann_missing();
    known.note_removals(&[], &list(21, &[], false), HOUR, HOUR);
    assert!(marks(&known, "ann", None, 19).was_removed);
    let later = HOUR + Duration::from_nanos(1);
    known.note_removals(&[], &list(22, &[], false), later, HOUR);
    assert!(known.is_empty());
}

#[test]
fn removal_is_kept_from_when_it_was_recorded() {
    let mut known = PersonMarks::default();
    let removed = [ListChange::Removed(email("ann"))];
    known.note_removals(&removed, &list(20, &[], false), HOUR * 3, HOUR);
    known.note_removals(&[], &list(21, &[], false), HOUR * 4, HOUR);
    assert!(marks(&known, "ann", None, 19).was_removed);
}

#[test]
fn revocation_of_all_outlasts_newer_lists() {
    let mut known = PersonMarks::default();
    assert!(known.note_revocation_of_all(Sequence::new(5)));
    known.settle(as_of(20));
    known.note_removals(&[], &list(20, &["ann"], false), HOUR, HOUR);
    assert!(!known.is_empty());
    let revoked = marks(&known, "ann", None, 20).revoked;
    assert_eq!(revoked, Some(Sequence::new(5)));
}

/// A team's members, or attached apps, settle nothing.
#[test]
fn removal_by_a_part_of_the_list_counts_immediately() {
    let resource = "00000000-0000-4000-8000-000000000002".parse().unwrap();
    let entry = Entry::new(resource, None, Duration::ZERO);
    let removed = [ListChange::Removed(email("ann"))];
    let list = list(20, &[], false);
    let mut progress = entry.progress();
    entry.note_removals(&mut progress, &removed, &list, HOUR, HOUR);
    drop(progress);
    let email = email("ann");
    let who = Principal {
        email: &email,
        user_id: None,
        is_account_proved: false,
    };
    let admitted_by = super::tests::list(19, &[], false).version();
    assert!(entry.marks_of(&who, Some(admitted_by)).was_removed);
}

#[test]
fn replaced_account_ends_the_sessions_of_that_account() {
    let mut known = PersonMarks::default();
    let to = list(20, &["ann"], false);
    let to = to.snapshot.list.members().next().unwrap();
    let replaced = [ListChange::AccountReplaced {
        from: "account-1".parse().unwrap(),
        to,
    }];
    known.note_removals(&replaced, &list(20, &["ann"], false), Duration::ZERO, HOUR);
    let is_removed = |account| marks(&known, "ann", account, 19).was_removed;
    assert!(is_removed(Some("account-1")), "confirmed by its account");
    assert!(!is_removed(Some("account-2")));
    assert!(is_removed(None), "any account");
}
