//! Deletion of the records of expired sessions.

use std::time::Duration;

use tower_sessions::session_store::ExpiredDeletion;

use crate::clock::{self, SharedClock};
use crate::deadlines::SESSION_SWEEP;
use crate::error_chain;

/// Has the store delete expired records every `period`, and never ends. A failure is logged, and the next
/// period tries again.
pub(crate) async fn sweep<S: ExpiredDeletion>(store: S, period: Duration, clock: SharedClock) {
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
}
