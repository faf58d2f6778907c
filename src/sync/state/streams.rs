//! A resource's open responses: unfinished bodies, and WebSockets that wait for the end of their user's
//! access.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

/// The open responses of one resource, and what wakes their watchers. Takes memory from the first one on; until
/// then half as much as a `OnceLock`.
#[derive(Debug, Default)]
pub(in crate::sync) struct Streams(ArcSwapOption<Opened>);

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
        let opened = self.0.load();
        opened.as_ref().is_some_and(|opened| opened.open.any(now))
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
        if let Some(opened) = self.0.load().as_ref() {
            opened.watchers.send_replace(());
        }
    }

    /// Created by the first caller.
    fn opened(&self) -> Arc<Opened> {
        if let Some(opened) = self.0.load_full() {
            return opened;
        }
        let new = Arc::<Opened>::default();
        let before = self
            .0
            .compare_and_swap(&None::<Arc<Opened>>, Some(Arc::clone(&new)));
        before.as_ref().map_or(new, Arc::clone)
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
