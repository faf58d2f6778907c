//! Work that must not stop half-way.

use std::future::Future;

use super::SyncError;

/// Runs the work in its own task, detached from cancellation. It completes even if the caller is dropped, as
/// when a client disconnects. So the store and memory cannot stay in disagreement.
pub(super) async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = Result<T, SyncError>> + Send + 'static,
) -> Result<T, SyncError> {
    // The task panicked, or the runtime is shutting down.
    let done = tokio::spawn(work).await;
    done.unwrap_or(Err(SyncError::Interrupted))
}
