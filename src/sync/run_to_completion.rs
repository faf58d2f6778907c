//! What must not be left half done.

use std::future::Future;

use super::SyncError;

/// Does the work in a task of its own: it comes to its end also if whoever wants it goes away, as a client
/// does that hangs up. So the store never says one thing for good and memory another.
pub(super) async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = Result<T, SyncError>> + Send + 'static,
) -> Result<T, SyncError> {
    // It panicked, or the runtime is shutting down.
    let done = tokio::spawn(work).await;
    done.unwrap_or(Err(SyncError::Interrupted))
}
