//! The part of a list about the apps that the add-on is attached to.

use std::sync::Arc;

use heroku_sso_store::{AppId, Sequence};

use super::as_of::AsOf;
use super::attempts::Attempts;
use crate::access::{AttachedPeople, People};

/// The maximum number of attached apps that are read. Each costs a call of the rate pool, which all resources
/// share.
pub(in crate::sync) const MAX_APPS: usize = 20;

/// Heroku's last answer about attached apps. It is asked for less often than the rest of a list, and has an
/// age of its own.
#[derive(Clone, Debug)]
pub(in crate::sync) struct AttachedPart {
    /// Without roles and permissions.
    pub(in crate::sync) people: People,
    /// The apps that have people.
    pub(in crate::sync) apps: Vec<AppId>,
    /// The number of apps whose people Heroku does not list.
    pub(in crate::sync) skipped: usize,
    /// The number of apps that were not read, because there are too many.
    pub(in crate::sync) left_out: usize,
    /// The app that owned the add-on. Its people are not in this part.
    pub(in crate::sync) owner: AppId,
    /// The calls that reading it took.
    pub(in crate::sync) calls: u32,
    pub(in crate::sync) asked_at: AsOf,
}

/// What is recorded about the next reading of attached apps.
#[derive(Debug, Default)]
pub(in crate::sync) struct AttachedProgress {
    /// Readings that failed since the last successful one.
    pub(in crate::sync) attempts: Attempts,
    /// When a webhook said that the attachments have changed.
    pub(in crate::sync) hinted_at: Option<AsOf>,
}

impl AttachedPart {
    /// The part that was stored with a list of this owner, whose own part was asked for at `own_asked_at`.
    pub(in crate::sync) fn from_store(
        stored: AttachedPeople,
        owner: &AppId,
        own_asked_at: AsOf,
    ) -> Self {
        let sequence = Sequence::new(stored.sequence);
        Self {
            people: stored.people.without_privileges(),
            apps: stored.apps,
            skipped: stored.skipped,
            left_out: stored.left_out,
            owner: stored.owner.unwrap_or_else(|| owner.clone()),
            calls: stored.calls,
            asked_at: own_asked_at.earlier_by(stored.asked_before, sequence),
        }
    }

    /// The part as it is stored with a list whose own part was asked for at `own_asked_at`. A part that is
    /// younger than that counts as equally old.
    pub(in crate::sync) fn to_store(&self, own_asked_at: AsOf) -> AttachedPeople {
        let mut stored = AttachedPeople::new(self.people.clone(), self.apps.clone());
        stored.skipped = self.skipped;
        stored.left_out = self.left_out;
        stored.owner = Some(self.owner.clone());
        stored.calls = self.calls;
        stored.sequence = self.asked_at.sequence.number();
        stored.asked_before = own_asked_at.since(&self.asked_at);
        stored
    }

    /// The newer of a part that has arrived and the known one.
    pub(super) fn newest(came: Option<Self>, known: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        let Some(mut came) = came else {
            return known.cloned();
        };
        if let Some(known) = known {
            if !known.asked_at.is_before(&came.asked_at) {
                return Some(Arc::clone(known));
            }
            // Equal people are stored once.
            if known.people == came.people {
                came.people = known.people.clone();
            }
        }
        Some(Arc::new(came))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{ManualClock, SharedClock};

    fn owner() -> AppId {
        "a0000000-0000-4000-8000-000000000001".parse().unwrap()
    }

    fn part(stored: AttachedPeople, own_asked_at: AsOf) -> AttachedPart {
        AttachedPart::from_store(stored, &owner(), own_asked_at)
    }

    #[test]
    fn stored_part_keeps_its_age_and_sequence() {
        let manual = ManualClock::new();
        let clock: SharedClock = Arc::new(manual.clone());
        let asked_at = AsOf::now(&clock, Sequence::new(7));
        let mut came = AttachedPeople::default();
        (came.sequence, came.skipped, came.left_out, came.calls) = (7, 2, 3, 25);
        let first = part(came, asked_at);
        assert_eq!(first.asked_at, asked_at);
        manual.advance(Duration::from_secs(200));
        let own_asked_at = AsOf::now(&clock, Sequence::new(9));
        let stored = first.to_store(own_asked_at);
        manual.advance(Duration::from_secs(100));
        let loaded = part(stored, own_asked_at);
        assert_eq!(loaded.asked_at, asked_at);
        assert_eq!(loaded.asked_at.age(&clock), Duration::from_secs(300));
        assert_eq!(
            (loaded.skipped, loaded.left_out, loaded.calls, loaded.owner),
            (2, 3, 25, owner())
        );
        // Set back, the clock makes nothing younger.
        manual.set_wall(clock.now() - Duration::from_secs(250));
        let own_asked_at = AsOf::now(&clock, Sequence::new(11));
        let stored = first.to_store(own_asked_at);
        assert!(stored.asked_before >= Duration::from_secs(300));
    }

    #[test]
    fn part_read_after_the_own_part_is_stored_as_equally_old() {
        let manual = ManualClock::new();
        let clock: SharedClock = Arc::new(manual.clone());
        let own_asked_at = AsOf::now(&clock, Sequence::new(5));
        manual.advance(Duration::from_secs(100));
        let mut read = part(AttachedPeople::default(), own_asked_at);
        read.asked_at = AsOf::now(&clock, Sequence::new(6));
        let loaded = part(read.to_store(own_asked_at), own_asked_at);
        assert_eq!(loaded.asked_at.sequence, Sequence::new(6));
        assert_eq!(loaded.asked_at.age(&clock), Duration::from_secs(100));
    }

    #[test]
    fn latest_requested_answer_is_kept() {
        let clock: SharedClock = Arc::new(ManualClock::new());
        let came = |sequence: i64| {
            let mut came = AttachedPeople::default();
            came.sequence = sequence;
            Some(part(came, AsOf::now(&clock, Sequence::new(20))))
        };
        assert!(AttachedPart::newest(None, None).is_none());
        let known = AttachedPart::newest(came(10), None);
        for (sequence, expected) in [(9, 10), (10, 10), (11, 11)] {
            let newest = AttachedPart::newest(came(sequence), known.as_ref()).unwrap();
            assert_eq!(newest.asked_at.sequence.number(), expected);
        }
        let kept = AttachedPart::newest(None, known.as_ref()).unwrap();
        assert!(Arc::ptr_eq(&kept, known.as_ref().unwrap()));
    }
}
