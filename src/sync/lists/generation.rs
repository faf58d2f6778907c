//! Whether a resource ended while something was read.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many entries were dropped. What was read from the store before the latest drop may be outdated.
#[derive(Debug, Default)]
pub(in crate::sync) struct Generation(AtomicU64);

impl Generation {
    pub(in crate::sync) fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(in crate::sync) fn note(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
