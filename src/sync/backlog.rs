//! What waits for its turn.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What only the sync knows.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    due: AtomicUsize,
    behind: AtomicBool,
}

impl Backlog {
    pub(super) fn note(&self, due: usize, behind: bool) {
        self.due.store(due, Ordering::Relaxed);
        self.behind.store(behind, Ordering::Relaxed);
    }

    pub(super) fn due(&self) -> usize {
        self.due.load(Ordering::Relaxed)
    }

    pub(super) fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }
}
