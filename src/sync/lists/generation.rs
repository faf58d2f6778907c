//! Whether what was read from the store may be outdated.

use std::sync::atomic::{AtomicU64, Ordering};

/// Grows whenever a resource ends, becomes dormant or is revived. A read of the store that began before that
/// may be outdated.
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
