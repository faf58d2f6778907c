//! The task that keeps the lists fresh.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::directory::Directory;
use crate::ids::ResourceId;

/// Fetches under way at once.
const CONCURRENCY: usize = 8;
/// Resources read from the store at once when the sync starts.
const PAGE: usize = 1_000;
const SHORTEST_TICK: Duration = Duration::from_millis(100);
const LONGEST_TICK: Duration = Duration::from_secs(5);

/// The running sync. Stops when this is dropped.
#[derive(Debug)]
#[must_use = "the sync stops as soon as its handle is dropped"]
pub struct SyncHandle {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl SyncHandle {
    /// Stops the sync and waits for the fetches that are under way.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        // It ends by itself, or it panicked; there is nothing left to stop in either case.
        let _ = self.task.await;
    }

    /// True while the sync runs.
    pub fn is_alive(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Directory {
    /// Starts the sync on the current Tokio runtime.
    pub(crate) fn spawn_sync(self: &Arc<Self>) -> SyncHandle {
        let (stop, stopped) = watch::channel(false);
        SyncHandle {
            stop,
            task: tokio::spawn(run(Arc::clone(self), stopped)),
        }
    }
}

async fn run(directory: Arc<Directory>, mut stopped: watch::Receiver<bool>) {
    let refresh_interval = directory.settings().refresh_interval;
    let tick = (refresh_interval / 20).clamp(SHORTEST_TICK, LONGEST_TICK);
    let mut fetches = JoinSet::new();
    let mut loaded = false;
    loop {
        if !loaded {
            loaded = load(&directory).await;
        }
        for entry in directory.due() {
            while fetches.len() >= CONCURRENCY {
                let _ = fetches.join_next().await;
            }
            let directory = Arc::clone(&directory);
            // What goes wrong is logged where it happens, and tried again when it is due.
            fetches.spawn(async move { drop(directory.fetch(&entry).await) });
        }
        tokio::select! {
            // Also when the handle was dropped.
            _ = stopped.wait_for(|stop| *stop) => break,
            () = directory.clock().sleep(tick) => {}
        }
        while fetches.try_join_next().is_some() {}
    }
    while fetches.join_next().await.is_some() {}
}

/// Takes in every resource that the store knows. False if the store did not answer.
async fn load(directory: &Arc<Directory>) -> bool {
    let mut after: Option<ResourceId> = None;
    loop {
        let page = match directory.store().active(after.as_ref(), PAGE).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "the resources could not be read from the store");
                return false;
            }
        };
        let Some(last) = page.last() else {
            return true;
        };
        after = Some(*last);
        for id in &page {
            if let Err(error) = directory.entry(id).await {
                tracing::warn!(resource = %id, %error, "a resource could not be taken in");
            }
        }
    }
}
