//! Keeps a resource in use while a response is still open.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::ResourceId;

use super::authorize::Authorizer;
use crate::sync::state::entry::Entry;

/// Keeps a resource in use until it is dropped, or until its time limit.
pub(crate) struct InUse {
    entry: Arc<Entry>,
    until: Duration,
}

impl InUse {
    /// Begins to keep a resource in use, for `at_most`. None if the resource is not in memory.
    pub(crate) fn begin(
        authorizer: &Authorizer,
        resource: &ResourceId,
        at_most: Duration,
    ) -> Option<Self> {
        let entry = authorizer.lists.get(resource)?;
        let now = authorizer.clock().elapsed();
        let was_in_use = entry.is_in_use(authorizer.settings().in_use_for, now);
        let until = now + at_most;
        entry.streams.begin(until);
        if !was_in_use {
            authorizer.lists.plan_with_team(&entry);
        }
        Some(Self { entry, until })
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.entry.streams.end(self.until);
    }
}

impl fmt::Debug for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InUse")
    }
}
