//! Sessions that this or another process has closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heroku_sso_store::SessionKey;
use tokio::sync::broadcast;

use crate::clock::{Reading, SharedClock};
use crate::expiring_map::ExpiringMap;
use crate::store::{BoundedStore, StoreError};
use crate::sync::settings::CLOCK_SKEW_GRACE;

/// How many closings a slow listener may lag behind before it has to check the store.
const FEED: usize = 256;

/// The sessions that were closed recently, in any process. A cached grant, a copied record or a signed cookie
/// of such a session is no longer valid.
#[derive(Debug)]
pub(crate) struct ClosedSessions {
    store: Arc<BoundedStore>,
    clock: SharedClock,
    /// How long a closing is remembered.
    kept: Duration,
    recent: ExpiringMap<SessionKey, ()>,
    /// Sessions whose closing is not complete: the store may not know it, or still has their record.
    unfinished: ExpiringMap<SessionKey, ()>,
    /// How many closings there have been.
    count: AtomicU64,
    feed: broadcast::Sender<SessionKey>,
}

impl ClosedSessions {
    pub(in crate::sync) fn new(
        store: Arc<BoundedStore>,
        clock: SharedClock,
        session: Duration,
    ) -> Self {
        // A copy of the session's record may be used until the session would have expired.
        let kept = session + CLOCK_SKEW_GRACE;
        Self {
            store,
            clock,
            kept,
            recent: ExpiringMap::new(kept),
            unfinished: ExpiringMap::new(kept),
            count: AtomicU64::new(0),
            feed: broadcast::Sender::new(FEED),
        }
    }

    /// Records that a session is closed, and wakes the tasks that wait for it.
    pub(crate) fn note(&self, session: SessionKey) {
        let now = Reading::of(&self.clock);
        self.recent.put_if(session.clone(), (), now, |()| true);
        self.count.fetch_add(1, Ordering::Release);
        // The only error is that no task is waiting.
        let _ = self.feed.send(session);
    }

    /// Stores that a session is closed, so that the other processes and this one after a restart reject it.
    /// The closing stays unfinished until [`finish`](Self::finish).
    pub(crate) async fn save(&self, session: &SessionKey) -> Result<(), StoreError> {
        let at = Reading::of(&self.clock);
        self.unfinished.put_if(session.clone(), (), at, |()| true);
        let (now, until) = (at.date(), at.date() + self.kept);
        self.store.close_session(session, until, now).await
    }

    /// Records that the store knows the closing, and that the session's record is deleted.
    pub(crate) fn finish(&self, session: &SessionKey) {
        self.unfinished.remove(session);
    }

    /// True if this process closed the session but could not complete it. Other processes may still accept
    /// it.
    pub(crate) fn is_unfinished(&self, session: &SessionKey) -> bool {
        self.unfinished.has(session)
    }

    /// True if this or another process has closed the session. Asks the store; for less time if the process
    /// has a copy of the session (`is_known`).
    pub(crate) async fn has_anywhere(
        &self,
        session: &SessionKey,
        is_known: bool,
    ) -> Result<bool, StoreError> {
        if self.has(session) {
            return Ok(true);
        }
        match is_known {
            true => self.store.is_session_closed_again(session).await,
            false => self.store.is_session_closed(session).await,
        }
    }

    /// How many closings there have been. If the number is unchanged, no session was closed in between.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    pub(crate) fn has(&self, session: &SessionKey) -> bool {
        self.recent.has(session)
    }

    /// Receives every session that is closed from now on.
    pub(crate) fn feed(&self) -> broadcast::Receiver<SessionKey> {
        self.feed.subscribe()
    }
}
