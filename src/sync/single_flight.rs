//! Single-flight: work that runs once for all callers that want its result.

use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::watch;

use crate::sync::SyncError;
use crate::sync::tasks::Tasks;

/// Work in progress, by key.
///
/// Each piece of work runs in its own task, which continues when the request that started it is dropped. So a
/// client that disconnects can neither waste a fetch nor lose a rotated token.
pub(in crate::sync) struct SingleFlight<K, T> {
    flights: Arc<Flights<K, T>>,
    tasks: Tasks,
}

type Flights<K, T> = DashMap<K, watch::Receiver<Outcome<T>>>;
type Outcome<T> = Option<Result<T, SyncError>>;

impl<K, T> fmt::Debug for SingleFlight<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SingleFlight(..)")
    }
}

impl<K, T> SingleFlight<K, T>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// `tasks` counts the work in progress.
    pub(in crate::sync) fn new(tasks: &Tasks) -> Self {
        Self {
            flights: Arc::default(),
            tasks: tasks.clone(),
        }
    }

    /// Joins the work in progress for `key`, or starts it. `start` runs only in the second case. If it
    /// fails, nothing is started.
    ///
    /// # Errors
    /// The error of `start` or of the work. [`SyncError::Interrupted`] if the work panicked, or the runtime
    /// shuts down.
    pub(in crate::sync) async fn join<F>(
        &self,
        key: K,
        start: impl FnOnce() -> Result<F, SyncError>,
    ) -> Result<T, SyncError>
    where
        F: Future<Output = Result<T, SyncError>> + Send + 'static,
    {
        let mut outcome = self.join_or_start(key, start)?;
        match outcome.wait_for(Option::is_some).await {
            Ok(result) => result.clone().unwrap_or(Err(SyncError::Interrupted)),
            // The task panicked, or the runtime is shutting down.
            Err(_) => Err(SyncError::Interrupted),
        }
    }

    fn join_or_start<F>(
        &self,
        key: K,
        start: impl FnOnce() -> Result<F, SyncError>,
    ) -> Result<watch::Receiver<Outcome<T>>, SyncError>
    where
        F: Future<Output = Result<T, SyncError>> + Send + 'static,
    {
        let slot = match self.flights.entry(key.clone()) {
            Entry::Occupied(slot) => return Ok(slot.get().clone()),
            Entry::Vacant(slot) => slot,
        };
        let (sender, receiver) = watch::channel(None);
        let work = start()?;
        let in_flight = InFlight(Arc::clone(&self.flights), key);
        slot.insert(receiver.clone());
        self.tasks.spawn(async move {
            let result = work.await;
            // Callers that come from now on start new work. Callers that wait already have a receiver.
            drop(in_flight);
            sender.send_replace(Some(result));
        });
        Ok(receiver)
    }
}

/// Keeps the work in the map until this is dropped, also by a panic of the work.
struct InFlight<K: Eq + Hash, T>(Arc<Flights<K, T>>, K);

impl<K: Eq + Hash, T> Drop for InFlight<K, T> {
    fn drop(&mut self) {
        self.0.remove(&self.1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::Notify;

    use super::*;
    use crate::clock;

    #[tokio::test]
    async fn concurrent_callers_share_one_result() {
        let flight = Arc::new(SingleFlight::new(&Tasks::default()));
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
                flight.join((), work).await.unwrap()
            });
        }
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        gate.notify_one();
        assert!(waiting.join_all().await.iter().all(|number| *number == 0));
        assert_eq!(flight.join((), || Ok(async { Ok(7) })).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn work_outlives_its_cancelled_caller() {
        let flight = Arc::new(SingleFlight::new(&Tasks::default()));
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
                flight.join((), work).await
            }
        });
        tokio::task::yield_now().await;
        started.abort();
        let finished = clock::within(Duration::from_secs(10), done.notified()).await;
        assert!(
            finished.is_some(),
            "the work stopped with the task that started it"
        );
    }

    #[tokio::test]
    async fn panicked_work_does_not_block_the_next_call() {
        let flight: SingleFlight<(), u8> = SingleFlight::new(&Tasks::default());
        let broken = flight.join((), || Ok(async { panic!("a bug") })).await;
        assert!(matches!(broken, Err(SyncError::Interrupted)));
        assert_eq!(flight.join((), || Ok(async { Ok(1) })).await.unwrap(), 1);
    }
}
