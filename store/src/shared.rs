//! The additional interface of a store that several processes share.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::ids::{ResourceId, TeamId};
use crate::session_key::SessionKey;
use crate::store_error::StoreError;

/// The part of a [`Store`](crate::Store) that lets several processes serve the same resources.
///
/// Safety depends on the store alone; this part is for speed and fewer requests. A process that receives no
/// events applies changes when its lists reach their age limit. A process that gets no lease only asks Heroku
/// later.
#[async_trait]
pub trait SharedStore: fmt::Debug + Send + Sync {
    /// Takes the lease of a job for this process, or renews it. Returns false if another process holds the
    /// lease. It ends after `life`, or when it is released.
    async fn lease(&self, work: &Work, life: Duration) -> Result<bool, StoreError>;

    /// Releases a lease that this process holds. Does nothing otherwise.
    async fn release(&self, work: &Work) -> Result<(), StoreError>;

    /// The changes that other processes make from now on.
    fn events(&self) -> Box<dyn StoreEvents>;
}

/// A stream of other processes' changes.
#[async_trait]
pub trait StoreEvents: Send {
    /// Waits for the next event. Each event is delivered at least once; one that a broken connection has lost
    /// comes later.
    ///
    /// # Cancel safety
    /// If the future is dropped, no event is lost.
    async fn next(&mut self) -> StoreEvent;
}

/// A reason to read the store again.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum StoreEvent {
    /// A resource has changed: its list, its tokens, its revocations, its state.
    Resource(ResourceId),
    /// A session was closed.
    Session(SessionKey),
    /// The members of a team have changed.
    Team(TeamId),
}

/// A job that one process does for all.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Work {
    /// Calling one of the partner's own methods (`Addon`) for a resource.
    Partner(ResourceId),
    /// Trading a resource's grant for tokens, the first ones or the next ones.
    Grant(ResourceId),
    /// Fetching a resource's own list when it is due.
    List(ResourceId),
    /// Fetching a team's members when they are due.
    Members(TeamId),
}

impl fmt::Display for Work {
    /// The name of the lease.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grant(id) => write!(f, "grant:{id}"),
            Self::List(id) => write!(f, "list:{id}"),
            Self::Members(id) => write!(f, "members:{id}"),
            Self::Partner(id) => write!(f, "partner:{id}"),
        }
    }
}
