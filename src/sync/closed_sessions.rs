//! Sessions that were closed, here or by another process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::broadcast;

use crate::clock::SharedClock;
use crate::lately::Lately;
use crate::store::{SessionKey, Store, StoreError};

/// How much longer than a session's record lives its end is kept in mind: a session store may have
/// copies of the record until it has expired.
const KEPT_LONGER: Duration = Duration::from_secs(10 * 60);

/// How many closings a slow listener may be behind before it has to look for itself.
const FEED: usize = 256;

/// Which sessions were closed lately. What a cache still says of one of them does not count.
#[derive(Debug)]
pub(crate) struct ClosedSessions {
    store: Arc<dyn Store>,
    clock: SharedClock,
    lately: Lately<SessionKey, ()>,
    /// How many there have been.
    count: AtomicU64,
    feed: broadcast::Sender<SessionKey>,
}

impl ClosedSessions {
    pub(super) fn new(store: Arc<dyn Store>, clock: SharedClock, session: Duration) -> Self {
        Self {
            store,
            clock,
            lately: Lately::new(session + KEPT_LONGER),
            count: AtomicU64::new(0),
            feed: broadcast::Sender::new(FEED),
        }
    }

    /// Takes note that a session is closed, and wakes whoever waits for that.
    pub(crate) fn note(&self, session: SessionKey) {
        let now = self.clock.now();
        self.lately.put_if(session.clone(), (), now, |()| true);
        self.count.fetch_add(1, Ordering::Release);
        // An error only says that nobody waits.
        let _ = self.feed.send(session);
    }

    /// Tells the other processes.
    pub(crate) async fn announce(&self, session: &SessionKey) {
        let Some(shared) = self.store.shared() else {
            return;
        };
        if let Err(error) = shared.announce_closed(session).await {
            // They find out when they next ask the session store.
            tracing::warn!(%error, "other processes could not be told that a session was closed");
        }
    }

    /// True if this or another process has closed the session. Asks the store.
    pub(crate) async fn has_anywhere(&self, session: &SessionKey) -> Result<bool, StoreError> {
        if self.has(session) {
            return Ok(true);
        }
        match self.store.shared() {
            Some(shared) => shared.was_closed(session).await,
            None => Ok(false),
        }
    }

    /// How many there have been: the same number again says that nothing was closed in between.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    pub(crate) fn has(&self, session: &SessionKey) -> bool {
        self.lately.has(session)
    }

    /// The sessions that are closed from now on.
    pub(crate) fn feed(&self) -> broadcast::Receiver<SessionKey> {
        self.feed.subscribe()
    }
}
