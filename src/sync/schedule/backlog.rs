//! The sync's last report about its own state.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many targets wait for their turn, whether lists lag, and whether the resources are being loaded.
#[derive(Debug, Default)]
pub(in crate::sync) struct Backlog {
    due: AtomicUsize,
    lagging: AtomicBool,
    loading: AtomicBool,
}

impl Backlog {
    pub(in crate::sync) fn note(&self, due: usize, lagging: bool) {
        self.due.store(due, Ordering::Relaxed);
        self.lagging.store(lagging, Ordering::Relaxed);
    }

    pub(in crate::sync) fn note_loading(&self, loading: bool) {
        self.loading.store(loading, Ordering::Release);
    }

    /// True from a sync's start until it has read the resources from the store.
    pub(in crate::sync) fn is_loading(&self) -> bool {
        self.loading.load(Ordering::Acquire)
    }

    pub(in crate::sync) fn due(&self) -> usize {
        self.due.load(Ordering::Relaxed)
    }

    pub(in crate::sync) fn is_lagging(&self) -> bool {
        self.lagging.load(Ordering::Relaxed)
    }
}
