//! The tasks for which a shutdown waits: fetches, and whatever renews or stores a resource's tokens.

use std::future::Future;

use tokio::sync::watch;

/// Counts the tasks in progress: each holds a receiver of a channel on which nothing is sent.
#[derive(Clone, Debug)]
pub(in crate::sync) struct Tasks(watch::Sender<()>);

/// A task in progress, until this is dropped.
pub(in crate::sync) struct InProgress {
    _counted: watch::Receiver<()>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Tasks {
    /// Counts a task until the result is dropped.
    pub(in crate::sync) fn begin(&self) -> InProgress {
        InProgress {
            _counted: self.0.subscribe(),
        }
    }

    /// Runs the work in a task of its own.
    pub(in crate::sync) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let in_progress = self.begin();
        tokio::spawn(async move {
            work.await;
            drop(in_progress);
        });
    }

    /// Waits until no task is in progress. Each has deadlines of its own.
    pub(in crate::sync) async fn done(&self) {
        self.0.closed().await;
    }
}
