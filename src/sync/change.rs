//! What changes on the lists, for the partner's own system.

use tokio::sync::broadcast;

use crate::access::{Email, ListChange, Member, Roles, Snapshot, difference};
use crate::ids::ResourceId;

/// How many events a slow reader may be behind before it misses some.
pub(super) const BACKLOG: usize = 1024;

/// One change on one resource's list.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// Somebody is new on the list. At a resource's first list, everybody.
    Added {
        /// Whose list.
        resource: ResourceId,
        /// Who.
        member: Member,
    },
    /// The reader was too slow: this many events are lost to it. It should read
    /// [`HerokuSso::access_list`](crate::HerokuSso::access_list) again.
    Missed(u64),
    /// Somebody left the list.
    Removed {
        /// Whose list.
        resource: ResourceId,
        /// Who.
        email: Email,
    },
    /// The resource is deprovisioned. Nobody is on its list any more.
    ResourceGone {
        /// Which.
        resource: ResourceId,
    },
    /// Somebody on the list has other roles now.
    RoleChanged {
        /// Whose list.
        resource: ResourceId,
        /// Who.
        email: Email,
        /// The roles until now.
        from: Roles,
        /// The roles from now on.
        to: Roles,
    },
}

impl Change {
    pub(super) fn on_list(resource: ResourceId, change: ListChange) -> Self {
        match change {
            ListChange::Added(member) => Self::Added { resource, member },
            ListChange::Removed(email) => Self::Removed { resource, email },
            ListChange::RoleChanged { email, from, to } => Self::RoleChanged {
                resource,
                email,
                from,
                to,
            },
        }
    }
}

/// The changes from the moment of [`HerokuSso::changes`](crate::HerokuSso::changes) on.
#[derive(Debug)]
pub struct Changes(broadcast::Receiver<Change>);

impl Changes {
    pub(super) fn new(receiver: broadcast::Receiver<Change>) -> Self {
        Self(receiver)
    }

    /// Waits for the next change. None once the [`HerokuSso`](crate::HerokuSso) is gone.
    ///
    /// # Cancel safety
    /// If the future is dropped, no event is lost.
    pub async fn next(&mut self) -> Option<Change> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Change::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// What leads from the list before, if there was one, to the list now.
pub(super) fn between(before: Option<&Snapshot>, now: &Snapshot) -> Vec<ListChange> {
    match before {
        Some(before) => difference(&before.list, &now.list),
        None => now.list.members().map(ListChange::Added).collect(),
    }
}
