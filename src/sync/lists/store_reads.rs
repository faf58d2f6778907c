//! Reads of the store that are in progress, and whether what they read may be outdated.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use heroku_sso_store::ResourceId;
use parking_lot::Mutex;

/// Counts how often a resource ends, becomes dormant or is revived while it is being read. Each resource has a
/// count of its own: otherwise requests for a resource that has ended could keep all others from being loaded.
#[derive(Debug, Default)]
pub(in crate::sync) struct StoreReads {
    by_resource: Mutex<HashMap<ResourceId, Reads>>,
    /// Counts the changes of all resources, for a read of many.
    changes: AtomicU64,
}

/// The reads of one resource.
#[derive(Debug, Default)]
struct Reads {
    in_progress: usize,
    changes: u64,
}

/// A read of the store. It is made before the store is asked.
#[derive(Debug)]
pub(in crate::sync) struct StoreRead<'a> {
    reads: &'a StoreReads,
    /// None for a read of many.
    resource: Option<ResourceId>,
    changes_before: u64,
}

impl StoreReads {
    pub(super) fn of_one(&self, id: &ResourceId) -> StoreRead<'_> {
        let mut by_resource = self.by_resource.lock();
        let reads = by_resource.entry(*id).or_default();
        reads.in_progress += 1;
        StoreRead {
            reads: self,
            resource: Some(*id),
            changes_before: reads.changes,
        }
    }

    pub(super) fn of_many(&self) -> StoreRead<'_> {
        StoreRead {
            reads: self,
            resource: None,
            changes_before: self.changes.load(Ordering::SeqCst),
        }
    }

    /// Outdates the reads of this resource that are in progress.
    pub(super) fn outdate(&self, id: &ResourceId) {
        if let Some(reads) = self.by_resource.lock().get_mut(id) {
            reads.changes += 1;
        }
        self.changes.fetch_add(1, Ordering::SeqCst);
    }
}

impl StoreRead<'_> {
    /// True unless a resource that it has read has changed since.
    pub(in crate::sync) fn is_current(&self) -> bool {
        let changes = match &self.resource {
            Some(id) => self.reads.by_resource.lock().get(id).map(|it| it.changes),
            None => Some(self.reads.changes.load(Ordering::SeqCst)),
        };
        changes == Some(self.changes_before)
    }
}

impl Drop for StoreRead<'_> {
    fn drop(&mut self) {
        let Some(id) = &self.resource else { return };
        let mut by_resource = self.reads.by_resource.lock();
        if let Some(reads) = by_resource.get_mut(id) {
            reads.in_progress -= 1;
            if reads.in_progress == 0 {
                by_resource.remove(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "00000000-0000-4000-8000-000000000001";
    const OTHER: &str = "00000000-0000-4000-8000-000000000002";

    #[test]
    fn change_outdates_the_reads_of_its_resource_only() {
        let reads = StoreReads::default();
        let [shop, other] = [SHOP, OTHER].map(|id| id.parse().unwrap());
        let (of_shop, of_other, of_many) =
            (reads.of_one(&shop), reads.of_one(&other), reads.of_many());
        assert!(of_shop.is_current() && of_other.is_current() && of_many.is_current());
        reads.outdate(&other);
        assert!(of_shop.is_current());
        assert!(!of_other.is_current());
        assert!(!of_many.is_current());
        assert!(reads.of_one(&other).is_current(), "it began later");
        assert!(!of_other.is_current());
        drop((of_shop, of_other));
        assert!(reads.by_resource.lock().is_empty());
    }
}
