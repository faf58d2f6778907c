//! Sessions that were closed, here or by another process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::broadcast;

use crate::clock::{Reading, SharedClock};
use crate::expiring_map::ExpiringMap;
use crate::store::{BoundedStore, SessionKey, StoreError};

/// How much longer than a session's record lives its end is kept in mind: a session store may have
/// copies of the record until it has expired.
const CLOCK_SKEW_GRACE: Duration = Duration::from_secs(10 * 60);

/// How many closings a slow listener may be behind before it has to look for itself.
const FEED: usize = 256;

/// Which sessions were closed lately. What a cache, a copy or a signed cookie still says of one of
/// them does not count.
#[derive(Debug)]
pub(crate) struct ClosedSessions {
    store: Arc<BoundedStore>,
    clock: SharedClock,
    kept: Duration,
    lately: ExpiringMap<SessionKey, ()>,
    /// Those that were not closed to the end: the store may not know, or their record is still there.
    unfinished: ExpiringMap<SessionKey, ()>,
    /// How many there have been.
    count: AtomicU64,
    feed: broadcast::Sender<SessionKey>,
}

impl ClosedSessions {
    pub(super) fn new(store: Arc<BoundedStore>, clock: SharedClock, session: Duration) -> Self {
        let kept = session + CLOCK_SKEW_GRACE;
        Self {
            store,
            clock,
            kept,
            lately: ExpiringMap::new(kept),
            unfinished: ExpiringMap::new(kept),
            count: AtomicU64::new(0),
            feed: broadcast::Sender::new(FEED),
        }
    }

    /// Takes note that a session is closed, and wakes whoever waits for that.
    pub(crate) fn note(&self, session: SessionKey) {
        let now = Reading::of(&self.clock);
        self.lately.put_if(session.clone(), (), now, |()| true);
        self.count.fetch_add(1, Ordering::Release);
        // An error only says that nobody waits.
        let _ = self.feed.send(session);
    }

    /// Writes down that a session is closed, for after a restart and for the other processes.
    pub(crate) async fn write_down(&self, session: &SessionKey) -> Result<(), StoreError> {
        let at = Reading::of(&self.clock);
        self.unfinished.put_if(session.clone(), (), at, |()| true);
        let until = at.now + self.kept;
        self.store.close_session(session, until, at.now).await
    }

    /// Takes note that the store knows, and that the session's record is gone.
    pub(crate) fn finish(&self, session: &SessionKey) {
        self.unfinished.remove(session);
    }

    /// True if a session was closed here, but not to the end: others may still take it for an open one.
    pub(crate) fn is_unfinished(&self, session: &SessionKey) -> bool {
        self.unfinished.has(session)
    }

    /// True if this or another process has closed the session. Asks the store.
    pub(crate) async fn has_anywhere(&self, session: &SessionKey) -> Result<bool, StoreError> {
        Ok(self.has(session) || self.store.is_session_closed(session).await?)
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
