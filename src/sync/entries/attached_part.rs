//! The part of a list about the apps that the add-on is attached to.

use std::sync::Arc;

use super::as_of::AsOf;
use crate::access::{AttachedPeople, People};
use crate::ids::AppId;
use crate::store::author::Sequence;

/// The maximum number of attached apps that are read. Each costs a call, at the cost of all resources.
pub(in crate::sync) const MAX_APPS: usize = 20;

/// Heroku's last answer about attached apps. It is asked for less often than the rest of a list, and kept in
/// between.
#[derive(Clone, Debug)]
pub(in crate::sync) struct AttachedPart {
    pub(in crate::sync) people: People,
    /// The apps that have people.
    pub(in crate::sync) apps: Vec<AppId>,
    /// The number of apps whose people are unknown.
    pub(in crate::sync) skipped: usize,
    pub(in crate::sync) asked_at: AsOf,
}

impl AttachedPart {
    /// The newer one of the part that came with a list, and the known one.
    pub(super) fn newest(
        came: Option<AttachedPeople>,
        own_asked_at: AsOf,
        known: Option<&Arc<Self>>,
    ) -> Option<Arc<Self>> {
        let Some(came) = came else {
            return known.cloned();
        };
        let asked_at = own_asked_at.earlier_by(came.asked_before, Sequence::new(came.sequence));
        if let Some(known) = known
            && !known.asked_at.is_before(&asked_at)
        {
            return Some(Arc::clone(known));
        }
        let people = came.people.without_privileges();
        // Equal people are stored once.
        let same = known.filter(|known| known.people == people);
        Some(Arc::new(Self {
            people: same.map_or(people, |known| known.people.clone()),
            apps: came.apps,
            skipped: came.skipped,
            asked_at,
        }))
    }

    /// The part as it is stored with a list whose own part was asked for at `own_asked_at`.
    pub(super) fn stored(&self, own_asked_at: AsOf) -> AttachedPeople {
        AttachedPeople {
            skipped: self.skipped,
            sequence: self.asked_at.sequence.number(),
            asked_before: own_asked_at.since(&self.asked_at),
            ..AttachedPeople::new(self.people.clone(), self.apps.clone())
        }
    }

    /// The calls that reading it takes, as far as the number of apps with people tells.
    pub(super) fn calls(&self) -> usize {
        1 + (self.apps.len() + self.skipped).min(MAX_APPS)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{ManualClock, SharedClock};

    #[test]
    fn stored_part_keeps_its_age_and_sequence() {
        let manual = ManualClock::new();
        let clock: SharedClock = Arc::new(manual.clone());
        let asked_at = AsOf::now(&clock, Sequence::new(7));
        let came = Some(AttachedPeople {
            sequence: 7,
            skipped: 2,
            ..AttachedPeople::default()
        });
        let part = AttachedPart::newest(came, asked_at, None).unwrap();
        assert_eq!(part.asked_at, asked_at);
        manual.advance(Duration::from_secs(200));
        let own_asked_at = AsOf::now(&clock, Sequence::new(9));
        let stored = part.stored(own_asked_at);
        manual.advance(Duration::from_secs(100));
        let loaded = AttachedPart::newest(Some(stored), own_asked_at, None).unwrap();
        assert_eq!(loaded.asked_at, asked_at);
        assert_eq!(loaded.asked_at.age(&clock), Duration::from_secs(300));
        assert_eq!((loaded.skipped, loaded.calls()), (2, 3));
        // Set back, the clock makes nothing younger.
        manual.set_wall(clock.now() - Duration::from_secs(250));
        let own_asked_at = AsOf::now(&clock, Sequence::new(11));
        let stored = part.stored(own_asked_at);
        assert!(stored.asked_before >= Duration::from_secs(300));
    }

    #[test]
    fn answer_that_was_asked_for_last_counts() {
        let clock: SharedClock = Arc::new(ManualClock::new());
        let came = |sequence: i64| {
            let came = AttachedPeople {
                sequence,
                ..AttachedPeople::default()
            };
            let own_asked_at = AsOf::now(&clock, Sequence::new(20));
            let known = AttachedPart::newest(None, own_asked_at, None);
            assert!(known.is_none());
            (Some(came), own_asked_at)
        };
        let (first, own) = came(10);
        let known = AttachedPart::newest(first, own, None);
        for (sequence, expected) in [(9, 10), (10, 10), (11, 11)] {
            let (next, own) = came(sequence);
            let newest = AttachedPart::newest(next, own, known.as_ref()).unwrap();
            assert_eq!(newest.asked_at.sequence.number(), expected);
        }
        let kept = AttachedPart::newest(None, own, known.as_ref()).unwrap();
        assert!(Arc::ptr_eq(&kept, known.as_ref().unwrap()));
    }
}
