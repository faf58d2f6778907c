//! One piece of work at a time, shared by everyone who wants its result.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::SyncError;

/// A slot for work that is worth doing once for many.
///
/// The work runs in a task of its own: it goes on when the request that started it is dropped, so a
/// client that hangs up can neither waste a fetch nor lose a rotated token.
#[derive(Debug)]
pub(super) struct Flight<T>(Mutex<Option<watch::Receiver<Landing<T>>>>);

type Landing<T> = Option<Result<T, SyncError>>;

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone + Send + Sync + 'static> Flight<T> {
    /// Joins the work under way, or starts it. `start` runs only in the second case, and may refuse.
    pub(super) async fn join<F>(
        &self,
        start: impl FnOnce() -> Result<F, SyncError>,
    ) -> Result<T, SyncError>
    where
        F: Future<Output = Result<T, SyncError>> + Send + 'static,
    {
        let mut landing = self.under_way_or(start)?;
        match landing.wait_for(Option::is_some).await {
            Ok(result) => result.clone().unwrap_or(Err(SyncError::Interrupted)),
            // The task panicked, or the runtime is shutting down.
            Err(_) => Err(SyncError::Interrupted),
        }
    }

    /// True while work is under way.
    pub(super) fn is_busy(&self) -> bool {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().is_some_and(is_busy)
    }

    fn under_way_or<F>(
        &self,
        start: impl FnOnce() -> Result<F, SyncError>,
    ) -> Result<watch::Receiver<Landing<T>>, SyncError>
    where
        F: Future<Output = Result<T, SyncError>> + Send + 'static,
    {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(current) = slot.as_ref().filter(|current| is_busy(current)) {
            return Ok(current.clone());
        }
        let (sender, receiver) = watch::channel(None);
        let work = start()?;
        tokio::spawn(async move {
            let result = work.await;
            sender.send_replace(Some(result));
        });
        *slot = Some(receiver.clone());
        Ok(receiver)
    }
}

/// Neither landed, nor dead without having landed.
fn is_busy<T>(current: &watch::Receiver<Landing<T>>) -> bool {
    current.borrow().is_none() && current.has_changed().is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn those_who_come_while_it_runs_share_one_result() {
        let flight = Arc::new(Flight::default());
        let started = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Notify::new());
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (flight, started, gate) = (flight.clone(), started.clone(), gate.clone());
            waiting.spawn(async move {
                let work = || {
                    Ok(async move {
                        let number = started.fetch_add(1, Ordering::SeqCst);
                        gate.notified().await;
                        Ok(number)
                    })
                };
                flight.join(work).await.unwrap()
            });
        }
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        gate.notify_one();
        assert!(waiting.join_all().await.iter().all(|number| *number == 0));
        assert_eq!(flight.join(|| Ok(async { Ok(7) })).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn the_work_outlives_the_one_who_started_it() {
        let flight = Arc::new(Flight::default());
        let done = Arc::new(Notify::new());
        let started = tokio::spawn({
            let (flight, done) = (flight.clone(), done.clone());
            async move {
                let work = || {
                    Ok(async move {
                        tokio::task::yield_now().await;
                        done.notify_one();
                        Ok(())
                    })
                };
                flight.join(work).await
            }
        });
        tokio::task::yield_now().await;
        started.abort();
        done.notified().await;
    }

    #[tokio::test]
    async fn work_that_panics_does_not_block_the_next() {
        let flight: Flight<u8> = Flight::default();
        let broken = flight.join(|| Ok(async { panic!("a bug") })).await;
        assert!(matches!(broken, Err(SyncError::Interrupted)));
        assert_eq!(flight.join(|| Ok(async { Ok(1) })).await.unwrap(), 1);
    }
}
