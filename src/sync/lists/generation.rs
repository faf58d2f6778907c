//! Whether a resource ended while something was read.

use std::sync::atomic::{AtomicU64, Ordering};

/// Grows whenever a resource ends or is revived. What was read from the store before that may be outdated.
#[derive(Debug, Default)]
pub(in crate::sync) struct Generation(AtomicU64);

impl Generation {
    pub(in crate::sync) fn current(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(in crate::sync) fn advance(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
