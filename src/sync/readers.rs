//! What is still open of a resource's responses: bodies that are not finished, and WebSockets that wait for
//! the end of their user's access.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::directory::Directory;
use super::entry::Entry;
use crate::ids::ResourceId;

/// How many of them there are, by when each is over at the latest, in time of
/// [`Clock::elapsed`](crate::Clock::elapsed).
#[derive(Debug, Default)]
pub(super) struct Readers(Mutex<BTreeMap<Duration, usize>>);

/// Keeps a resource in use while it lives, and no longer than until its end.
pub(crate) struct InUse {
    entry: Arc<Entry>,
    until: Duration,
}

impl Readers {
    pub(super) fn any(&self, now: Duration) -> bool {
        let readers = self.readers();
        readers
            .last_key_value()
            .is_some_and(|(last, _)| now < *last)
    }

    fn begin(&self, until: Duration) {
        *self.readers().entry(until).or_default() += 1;
    }

    fn end(&self, until: Duration) {
        let mut readers = self.readers();
        if let Some(count) = readers.get_mut(&until) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&until);
            }
        }
    }

    fn readers(&self) -> MutexGuard<'_, BTreeMap<Duration, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InUse {
    /// Of an active resource; none of any other. It counts for `at_most`.
    pub(crate) fn begin(
        directory: &Directory,
        resource: &ResourceId,
        at_most: Duration,
    ) -> Option<Self> {
        let entry = Arc::clone(&*directory.entries.get(resource)?);
        let now = directory.clock.elapsed();
        let was_in_use = entry.is_in_use(directory.settings.in_use_for, now);
        let until = now + at_most;
        entry.readers.begin(until);
        if !was_in_use {
            directory.plan_with_team(&entry);
        }
        Some(Self { entry, until })
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.entry.readers.end(self.until);
    }
}

impl fmt::Debug for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InUse")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_reader_counts_until_it_ends_or_its_time_is_over() {
        let readers = Readers::default();
        assert!(!readers.any(Duration::ZERO));
        readers.begin(SECOND * 5);
        readers.begin(SECOND * 5);
        readers.begin(SECOND * 9);
        assert!(readers.any(SECOND * 8));
        readers.end(SECOND * 9);
        assert!(readers.any(SECOND * 4));
        assert!(!readers.any(SECOND * 5), "it is over by itself");
        readers.end(SECOND * 5);
        assert!(readers.any(SECOND * 4), "there is another");
        readers.end(SECOND * 5);
        assert!(!readers.any(Duration::ZERO));
        assert!(readers.readers().is_empty());
    }
}
