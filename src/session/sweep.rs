//! Deletion of the records of expired sessions.

use std::time::Duration;

use tokio::task::JoinHandle;
use tower_sessions::session_store::ExpiredDeletion;

use crate::clock::{self, SharedClock};
use crate::deadlines::SESSION_SWEEP;
use crate::error_chain;

/// A running sweep of a session store. Stops when this is dropped.
#[derive(Debug)]
#[must_use = "the sweep stops as soon as its handle is dropped"]
pub struct SweepHandle(JoinHandle<()>);

impl SweepHandle {
    /// True while the sweep runs.
    pub fn is_alive(&self) -> bool {
        !self.0.is_finished()
    }
}

impl Drop for SweepHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Has the store delete expired records every `period`. A failure is logged, and the next period tries
/// again.
pub(crate) fn sweep<S: ExpiredDeletion>(
    store: S,
    period: Duration,
    clock: SharedClock,
) -> SweepHandle {
    SweepHandle(tokio::spawn(async move {
        loop {
            clock.sleep(period).await;
            match clock::within(SESSION_SWEEP, store.delete_expired()).await {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(
                    %error, cause = error_chain::of(&error),
                    "session cleanup failed; retrying after the next period"
                ),
                None => tracing::warn!(
                    limit = ?SESSION_SWEEP,
                    "session cleanup timed out; retrying after the next period"
                ),
            }
        }
    }))
}
