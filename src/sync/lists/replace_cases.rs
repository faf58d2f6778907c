//! Which answers settle a failed reading of attached apps.

#![cfg(test)]

use std::sync::Arc;

use heroku_sso_store::Sequence;

use super::list_cache::ListCache;
use super::list_event::Source;
use crate::access::{App, AttachedPeople, People, ResourceList};
use crate::clock::{ManualClock, SharedClock};
use crate::sync::schedule::rate_limits::RateLimits;
use crate::sync::schedule::scheduler::Scheduler;
use crate::sync::state::as_of::AsOf;
use crate::sync::state::cached_list::OwnList;
use crate::sync::{SyncError, SyncSettings};

const SHOP: &str = "00000000-0000-4000-8000-000000000001";

#[test]
fn failed_reading_of_attached_apps_is_settled_by_a_newer_answer_about_them_only() {
    let clock: SharedClock = Arc::new(ManualClock::new());
    let settings = Arc::new(SyncSettings::for_test(&clock));
    let limits = Arc::new(RateLimits::new(Arc::clone(&clock), &settings));
    let scheduler = Scheduler::new(Arc::clone(&clock), Arc::clone(&settings), limits);
    let lists = ListCache::new(Arc::clone(&clock), settings, Arc::new(scheduler));
    let id = SHOP.parse().unwrap();
    let (entry, _) = lists.insert(id, &lists.read_of(&id), |_| ()).unwrap();

    let replace = |own: i64, attached: i64| {
        let app = App::new(SHOP.parse().unwrap(), "shop");
        let mut list = ResourceList::new("acme-1", app, People::default());
        let mut people = AttachedPeople::new(People::default(), Vec::new());
        people.sequence = attached;
        list.attached = Some(people);
        let own = OwnList {
            list,
            etags: None,
            asked_at: AsOf::now(&clock, Sequence::new(own)),
        };
        lists.replace(&entry, own, Source::Heroku).unwrap();
    };
    let has_failed = || entry.progress().noted().attached.is_some();
    replace(1, 1);
    let failure = SyncError::Interrupted;
    entry
        .progress()
        .note_attached_failure(clock.elapsed(), &failure);
    replace(2, 1);
    assert!(has_failed(), "the own part alone was asked for again");
    replace(3, 3);
    assert!(!has_failed(), "another process has read attached apps");
}
