//! A resource's open responses: unfinished bodies, and WebSockets that wait for the end of their user's
//! access.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

/// The open responses of one resource, and what wakes their watchers. Takes memory from the first one on.
#[derive(Debug, Default)]
pub(in crate::sync) struct Streams(OnceLock<Box<Opened>>);

#[derive(Debug, Default)]
struct Opened {
    open: OpenResponses,
    watchers: watch::Sender<()>,
}

/// How many open responses there are, by the latest time at which each is over, by
/// [`Clock::elapsed`](crate::Clock::elapsed).
#[derive(Debug, Default)]
struct OpenResponses(Mutex<BTreeMap<Duration, usize>>);

impl Streams {
    pub(in crate::sync) fn any(&self, now: Duration) -> bool {
        self.0.get().is_some_and(|opened| opened.open.any(now))
    }

    pub(in crate::sync) fn begin(&self, until: Duration) {
        self.opened().open.begin(until);
    }

    pub(in crate::sync) fn end(&self, until: Duration) {
        self.opened().open.end(until);
    }

    pub(in crate::sync) fn watch(&self) -> watch::Receiver<()> {
        self.opened().watchers.subscribe()
    }

    /// Wakes all watchers.
    pub(in crate::sync) fn notify(&self) {
        if let Some(opened) = self.0.get() {
            opened.watchers.send_replace(());
        }
    }

    fn opened(&self) -> &Opened {
        self.0.get_or_init(Box::default)
    }
}

impl OpenResponses {
    fn any(&self, now: Duration) -> bool {
        let responses = self.responses();
        responses
            .last_key_value()
            .is_some_and(|(last, _)| now < *last)
    }

    fn begin(&self, until: Duration) {
        *self.responses().entry(until).or_default() += 1;
    }

    fn end(&self, until: Duration) {
        let mut responses = self.responses();
        if let Some(count) = responses.get_mut(&until) {
            *count -= 1;
            if *count == 0 {
                responses.remove(&until);
            }
        }
    }

    fn responses(&self) -> MutexGuard<'_, BTreeMap<Duration, usize>> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn open_response_counts_until_its_end_or_time_limit() {
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
