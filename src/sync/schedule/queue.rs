//! The queue of lists and members to fetch, by due time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::sync::state::entry::Entry;
use crate::sync::state::team::TeamEntry;

/// The target of a fetch: a resource's own part of its list, or the members of a team.
#[derive(Clone, Debug)]
pub(in crate::sync) enum Target {
    Resource(Arc<Entry>),
    Team(Arc<TeamEntry>),
}

/// A queue of targets by the time at which they are due.
///
/// Only the last [`put`](Self::put) of a target counts. Its older entries stay in the heap, and are dropped
/// when they come up. So rescheduling is cheap, and each target is taken once.
#[derive(Default)]
pub(in crate::sync) struct Queue {
    queue: Mutex<BinaryHeap<Reverse<ScheduledFetch>>>,
    /// How many consumers take from the queue. Without one, nothing is scheduled.
    consumers: AtomicUsize,
    earlier: Notify,
}

/// The time of a target that is not in the queue.
const NOT_QUEUED: u64 = 0;

/// A target, and the time for which it is scheduled.
#[derive(Debug)]
pub(in crate::sync) struct ScheduledFetch {
    /// Milliseconds of [`Clock::elapsed`](crate::Clock::elapsed), plus one.
    at: u64,
    pub(in crate::sync) target: Target,
}

/// Counts as a consumer of the queue until it is dropped. The last one empties the queue.
pub(in crate::sync) struct ConsumerGuard(Arc<Queue>);

impl Queue {
    pub(in crate::sync) fn consume(self: &Arc<Self>) -> ConsumerGuard {
        self.consumers.fetch_add(1, Ordering::AcqRel);
        ConsumerGuard(Arc::clone(self))
    }

    pub(in crate::sync) fn has_consumer(&self) -> bool {
        self.consumers.load(Ordering::Acquire) > 0
    }

    /// Schedules a target at this time, in place of any other.
    pub(in crate::sync) fn put(&self, target: Target, at: Duration) {
        if !self.has_consumer() {
            return;
        }
        let at = rounded_up(at);
        if target.scheduled().swap(at, Ordering::AcqRel) == at {
            return;
        }
        let mut queue = self.queue();
        let is_first = queue.peek().is_none_or(|Reverse(first)| at < first.at);
        queue.push(Reverse(ScheduledFetch { at, target }));
        drop(queue);
        if is_first {
            self.earlier.notify_one();
        }
    }

    /// The next target that is due.
    pub(in crate::sync) fn take(&self, now: Duration) -> Option<ScheduledFetch> {
        let now = whole_millis(now);
        let mut queue = self.queue();
        while queue.peek().is_some_and(|Reverse(first)| first.at <= now) {
            let Reverse(due) = queue.pop()?;
            if due.is_current() {
                return Some(due);
            }
        }
        None
    }

    /// When the next target is due.
    pub(in crate::sync) fn next_at(&self) -> Option<Duration> {
        let queue = self.queue();
        let Reverse(first) = queue.peek()?;
        Some(Duration::from_millis(first.at - 1))
    }

    /// Resolves when a target was scheduled before all others.
    pub(in crate::sync) async fn earlier(&self) {
        self.earlier.notified().await;
    }

    fn queue(&self) -> MutexGuard<'_, BinaryHeap<Reverse<ScheduledFetch>>> {
        self.queue.lock()
    }
}

impl ScheduledFetch {
    /// False once the target was rescheduled or fetched.
    pub(in crate::sync) fn is_current(&self) -> bool {
        self.target.scheduled().load(Ordering::Acquire) == self.at
    }

    /// Takes the target off the schedule, if it is still scheduled for this time.
    pub(in crate::sync) fn claim(&self) -> bool {
        let scheduled = self.target.scheduled();
        let claimed =
            scheduled.compare_exchange(self.at, NOT_QUEUED, Ordering::AcqRel, Ordering::Acquire);
        claimed.is_ok()
    }

    pub(in crate::sync) fn at(&self) -> Duration {
        Duration::from_millis(self.at - 1)
    }
}

impl Target {
    /// False if the target is not scheduled, or was claimed for a fetch.
    pub(in crate::sync) fn is_queued(&self) -> bool {
        self.scheduled().load(Ordering::Acquire) != NOT_QUEUED
    }

    fn scheduled(&self) -> &AtomicU64 {
        match self {
            Self::Resource(entry) => &entry.scheduled,
            Self::Team(team) => &team.scheduled,
        }
    }
}

impl Drop for ConsumerGuard {
    fn drop(&mut self) {
        if self.0.consumers.fetch_sub(1, Ordering::AcqRel) == 1 {
            // The next sync starts from the state in memory at that time.
            for Reverse(due) in self.0.queue().drain() {
                due.target.scheduled().store(NOT_QUEUED, Ordering::Release);
            }
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({})", self.queue().len())
    }
}

impl PartialEq for ScheduledFetch {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for ScheduledFetch {}

impl PartialOrd for ScheduledFetch {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ScheduledFetch {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

/// A time to schedule at, rounded up, so that no target comes early.
fn rounded_up(at: Duration) -> u64 {
    whole_millis(at + Duration::from_nanos(999_999))
}

/// In milliseconds, plus one: zero means that the target is not queued.
fn whole_millis(at: Duration) -> u64 {
    let millis = u64::try_from(at.as_millis()).unwrap_or(u64::MAX - 1);
    millis.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn target(number: u128) -> Target {
        let id = Uuid::from_u128(number).into();
        Target::Resource(Arc::new(Entry::new(id, None, Duration::ZERO)))
    }

    fn number(due: &ScheduledFetch) -> u128 {
        match &due.target {
            Target::Resource(entry) => entry.id.as_uuid().as_u128(),
            Target::Team(_) => unreachable!("only resources were scheduled"),
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn target_is_taken_once_at_its_last_time() {
        let schedule = Arc::new(Queue::default());
        let _consumer = schedule.consume();
        let (one, two) = (target(1), target(2));
        schedule.put(one.clone(), SECOND * 10);
        schedule.put(two, SECOND * 5);
        schedule.put(one, SECOND * 3);
        assert!(schedule.take(SECOND * 2).is_none());
        assert_eq!(schedule.next_at(), Some(SECOND * 3));
        let taken: Vec<_> = std::iter::from_fn(|| schedule.take(SECOND * 20)).collect();
        assert_eq!(taken.iter().map(number).collect::<Vec<_>>(), [1, 2]);
        assert!(taken.iter().all(ScheduledFetch::claim));
        assert!(!taken.iter().any(ScheduledFetch::claim));
    }

    #[test]
    fn queue_without_a_consumer_stays_empty() {
        let schedule = Arc::new(Queue::default());
        for second in 0..1000 {
            schedule.put(target(1), SECOND * second);
        }
        assert_eq!(schedule.next_at(), None);
        let consumer = schedule.consume();
        schedule.put(target(1), SECOND);
        drop(consumer);
        assert_eq!(schedule.next_at(), None);
    }
}
