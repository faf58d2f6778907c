//! Events for the readers of changes, for streams and for the audit log.

use heroku_sso_store::ResourceId;
use tokio::sync::broadcast;

use crate::access::ListChange;
use crate::audit::AuditLog;
use crate::sync::state::entry::Entry;

/// How many events a slow reader may lag behind before it checks every resource again.
pub(in crate::sync) const BACKLOG: usize = 1024;

/// An event names a resource, and its receiver reads the resource's current state.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) enum ListEvent {
    /// The people on this resource's list have changed, or whether the resource is dormant.
    List(ResourceId),
    /// The resource has ended.
    Gone(ResourceId),
    /// The resources have been read from the store.
    Loaded,
}

/// Where a list comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sync) enum Source {
    Heroku,
    /// Loaded from the store. The process that fetched it has written the audit events.
    Store,
}

/// Sends the events of all lists.
#[derive(Debug)]
pub(in crate::sync) struct ListEvents {
    readers: broadcast::Sender<ListEvent>,
    audit: AuditLog,
}

impl ListEvents {
    pub(in crate::sync) fn new(audit: AuditLog) -> Self {
        Self {
            readers: broadcast::Sender::new(BACKLOG),
            audit,
        }
    }

    pub(in crate::sync) fn subscribe(&self) -> broadcast::Receiver<ListEvent> {
        self.readers.subscribe()
    }

    pub(in crate::sync) fn send(&self, event: ListEvent) {
        // The only error is that no reader is listening.
        let _ = self.readers.send(event);
    }

    /// A resource is dormant from now on.
    pub(in crate::sync) fn suspended(&self, entry: &Entry) {
        self.send(ListEvent::List(entry.id));
        entry.notify();
    }

    /// A dormant resource is active again.
    pub(in crate::sync) fn revived(&self, entry: &Entry, source: Source) {
        if source == Source::Heroku {
            self.audit.resource_revived(&entry.id);
        }
        self.send(ListEvent::List(entry.id));
        entry.notify();
    }

    /// A list was replaced.
    pub(in crate::sync) fn list_replaced(
        &self,
        entry: &Entry,
        is_first: bool,
        changes: &[ListChange],
        source: Source,
    ) {
        if source == Source::Heroku {
            for change in changes {
                self.audit.list_changed(&entry.id, change);
            }
        }
        if is_first || !changes.is_empty() {
            self.send(ListEvent::List(entry.id));
        }
        // Also for a list that is only newer: sessions depend on its age.
        entry.notify();
    }
}
