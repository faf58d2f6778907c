//! Counts what is observed, in a bounded amount of memory.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::hash::BuildHasher;

use heroku_sso_store::{Email, ResourceId};
use parking_lot::Mutex;
use time::{Date, OffsetDateTime};

use super::counts::{ObservedDay, Seen};

/// How many days are kept; earlier ones are dropped.
const DAYS: usize = 31;

/// The maximum number of people off their lists, and of unregistered resources. Further ones are not counted.
const MOST: usize = 10_000;

/// What was observed since the process began.
pub(crate) struct Observations {
    since: OffsetDateTime,
    /// Makes the hash by which a person is counted once. Its key is of this process; no email is kept.
    hasher: RandomState,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    days: BTreeMap<Date, ObservedDay>,
    off_list: BTreeMap<ResourceId, HashSet<u64>>,
    off_list_people: usize,
    unregistered: BTreeSet<ResourceId>,
    unsigned_sign_ins: u64,
}

/// What is observed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Request,
    SignIn,
}

impl Observations {
    pub(crate) fn new(since: OffsetDateTime) -> Self {
        Self {
            since,
            hasher: RandomState::new(),
            counts: Mutex::default(),
        }
    }

    pub(crate) fn count(&self, what: What, seen: Seen, now: OffsetDateTime) {
        let mut counts = self.counts.lock();
        let date = now.to_offset(time::UtcOffset::UTC).date();
        let day = counts
            .days
            .entry(date)
            .or_insert_with(|| ObservedDay::new(date));
        let totals = match what {
            What::Request => &mut day.requests,
            What::SignIn => &mut day.sign_ins,
        };
        totals.add(seen);
        while counts.days.len() > DAYS {
            counts.days.pop_first();
        }
    }

    /// A user signed in or sent a request, and was not on the list.
    pub(crate) fn note_off_list(&self, resource: ResourceId, email: &Email) {
        let person = self.hasher.hash_one((resource, email.as_str()));
        let mut counts = self.counts.lock();
        if counts.off_list_people < MOST
            && counts.off_list.entry(resource).or_default().insert(person)
        {
            counts.off_list_people += 1;
        }
    }

    /// Heroku signed a form for a resource that is not registered here.
    pub(crate) fn note_unregistered(&self, resource: ResourceId) {
        let unregistered = &mut self.counts.lock().unregistered;
        if unregistered.len() < MOST {
            unregistered.insert(resource);
        }
    }

    /// The policy rejected a form because Heroku did not sign its email.
    pub(crate) fn note_unsigned(&self) {
        self.counts.lock().unsigned_sign_ins += 1;
    }

    pub(super) fn since(&self) -> OffsetDateTime {
        self.since
    }

    pub(super) fn days(&self) -> Vec<ObservedDay> {
        self.counts.lock().days.values().cloned().collect()
    }

    pub(super) fn off_list(&self) -> BTreeMap<ResourceId, usize> {
        let counts = self.counts.lock();
        let off_list = counts.off_list.iter();
        off_list
            .map(|(resource, people)| (*resource, people.len()))
            .collect()
    }

    pub(super) fn unregistered(&self) -> Vec<ResourceId> {
        self.counts.lock().unregistered.iter().copied().collect()
    }

    pub(super) fn unsigned_sign_ins(&self) -> u64 {
        self.counts.lock().unsigned_sign_ins
    }
}

impl fmt::Debug for Observations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observations")
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn memory_is_bounded() {
        let began = OffsetDateTime::UNIX_EPOCH;
        let observations = Observations::new(began);
        for day in 0..400 {
            let now = began + Duration::days(day);
            observations.count(What::Request, Seen::Allowed, now);
        }
        assert_eq!(observations.days().len(), DAYS);
        for number in 0..12_000_u128 {
            let resource = ResourceId::from(Uuid::from_u128(number));
            let email = format!("{number}@example.com").parse().unwrap();
            observations.note_off_list(resource, &email);
            observations.note_off_list(resource, &email);
            observations.note_unregistered(resource);
        }
        let people = observations.off_list().values().sum::<usize>();
        assert_eq!((people, observations.unregistered().len()), (MOST, MOST));
    }
}
