//! BackendChoice a resource in use for as long as something of a response is open.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::directory::Directory;
use super::entry::Entry;
use crate::ids::ResourceId;

/// Keeps a resource in use while it lives, and no longer than until its end.
pub(crate) struct InUse {
    entry: Arc<Entry>,
    until: Duration,
}

impl InUse {
    /// Of an active resource; none of any other. It counts for `at_most`.
    pub(crate) fn begin(
        directory: &Directory,
        resource: &ResourceId,
        at_most: Duration,
    ) -> Option<Self> {
        let entry = Arc::clone(&*directory.entries.get(resource)?);
        let now = directory.clock.elapsed();
        let was_in_use = entry.is_in_use(directory.settings.in_use_for, now);
        let until = now + at_most;
        entry.readers.begin(until);
        if !was_in_use {
            directory.plan_with_team(&entry);
        }
        Some(Self { entry, until })
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.entry.readers.end(self.until);
    }
}

impl fmt::Debug for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InUse")
    }
}
