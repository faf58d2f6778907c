//! A resource's open responses: unfinished bodies, and WebSockets that wait for the end of their user's
//! access.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many open responses there are, by the latest time at which each is over, by
/// [`Clock::elapsed`](crate::Clock::elapsed).
#[derive(Debug, Default)]
pub(in crate::sync) struct OpenResponses(Mutex<BTreeMap<Duration, usize>>);

impl OpenResponses {
    pub(in crate::sync) fn any(&self, now: Duration) -> bool {
        let responses = self.responses();
        responses
            .last_key_value()
            .is_some_and(|(last, _)| now < *last)
    }

    pub(in crate::sync) fn begin(&self, until: Duration) {
        *self.responses().entry(until).or_default() += 1;
    }

    pub(in crate::sync) fn end(&self, until: Duration) {
        let mut responses = self.responses();
        if let Some(count) = responses.get_mut(&until) {
            *count -= 1;
            if *count == 0 {
                responses.remove(&until);
            }
        }
    }

    fn responses(&self) -> MutexGuard<'_, BTreeMap<Duration, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_reader_counts_until_it_ends_or_its_time_is_over() {
        let responses = OpenResponses::default();
        assert!(!responses.any(Duration::ZERO));
        responses.begin(SECOND * 5);
        responses.begin(SECOND * 5);
        responses.begin(SECOND * 9);
        assert!(responses.any(SECOND * 8));
        responses.end(SECOND * 9);
        assert!(responses.any(SECOND * 4));
        assert!(!responses.any(SECOND * 5), "it ends at its time limit");
        responses.end(SECOND * 5);
        assert!(responses.any(SECOND * 4), "there is another");
        responses.end(SECOND * 5);
        assert!(!responses.any(Duration::ZERO));
        assert!(responses.responses().is_empty());
    }
}
