//! A resource's open responses: unfinished bodies, and WebSockets that wait for the end of their user's
//! access.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many open responses there are, by the latest time at which each is over, by
/// [`Clock::elapsed`](crate::Clock::elapsed).
#[derive(Debug, Default)]
pub(in crate::sync) struct Readers(Mutex<BTreeMap<Duration, usize>>);

impl Readers {
    pub(in crate::sync) fn any(&self, now: Duration) -> bool {
        let readers = self.readers();
        readers
            .last_key_value()
            .is_some_and(|(last, _)| now < *last)
    }

    pub(in crate::sync) fn begin(&self, until: Duration) {
        *self.readers().entry(until).or_default() += 1;
    }

    pub(in crate::sync) fn end(&self, until: Duration) {
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
        assert!(!readers.any(SECOND * 5), "it ends at its time limit");
        readers.end(SECOND * 5);
        assert!(readers.any(SECOND * 4), "there is another");
        readers.end(SECOND * 5);
        assert!(!readers.any(Duration::ZERO));
        assert!(readers.readers().is_empty());
    }
}
