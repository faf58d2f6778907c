//! The additional interface of a store that several processes share.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::ids::{ResourceId, TeamId};
use crate::session_key::SessionKey;
use crate::store_error::StoreError;

/// The part of a [`Store`](crate::Store) that lets several processes serve the same resources.
///
/// Leases and events only save requests and time. [`Store`](crate::Store) alone decides correctness: a lost
/// lease may duplicate work, and a late event delays a change. A process that receives no events applies
/// changes when its lists reach their age limit.
///
/// The [rules of `Store`](crate::Store) hold here, too.
#[async_trait]
pub trait SharedStore: fmt::Debug + Send + Sync {
    /// Takes the lease of a job for this store instance, or renews it. Returns false if another instance
    /// holds it, and does not wait for that one. Two tasks of one instance both get true.
    ///
    /// The lease ends when it is released, or after `life` from this call, by the database's clock.
    async fn lease(&self, work: &Work, life: Duration) -> Result<bool, StoreError>;

    /// Releases a lease that this store instance holds. Does nothing otherwise.
    async fn release(&self, work: &Work) -> Result<(), StoreError>;

    /// All changes that other store instances make after this one was opened, also those from before this
    /// call. The changes of this instance are left out.
    fn events(&self) -> Box<dyn StoreEvents>;
}

/// A stream of other processes' changes.
#[async_trait]
pub trait StoreEvents: Send {
    /// Waits for the next event. Each event is delivered at least once, when its change can be read. One that
    /// a broken connection has lost comes later. Only that of [`erase`](crate::Store::erase) may stay lost.
    ///
    /// Cannot fail: while the database does not answer, tries again with pauses, and logs that at most once
    /// an hour. Polling once a second is enough. A poll by the time of changes looks back further than the
    /// longest transaction takes, because a change is visible only after its commit.
    ///
    /// # Cancel safety
    /// If the future is dropped, no event is lost.
    async fn next(&mut self) -> StoreEvent;
}

/// A reason to read the store again. These calls of another instance cause one, unless they change nothing:
///
/// | event | calls |
/// | --- | --- |
/// | `Resource` | [`put`], [`set_tokens`], [`set_list`], [`begin_deprovisioning`], [`end`], [`complete_deprovisioning`], [`make_dormant`], [`end_dormant`], [`revoke`], [`revoke_all`], [`note_pending_removal`], [`erase`]; [`erase_person`] for each resource with a revocation of the person |
/// | `Session` | [`close_session`]; [`erase_person`] for each session |
/// | `Team` | [`set_members`] |
///
/// All other calls cause none, nor do sweeps, an attempt that `make_dormant` only records, and a change of
/// the encryption key. An entry of a list or a team that `erase_person` deletes needs none either.
///
/// [`put`]: crate::Store::put
/// [`set_tokens`]: crate::Store::set_tokens
/// [`set_list`]: crate::Store::set_list
/// [`begin_deprovisioning`]: crate::Store::begin_deprovisioning
/// [`end`]: crate::Store::end
/// [`complete_deprovisioning`]: crate::Store::complete_deprovisioning
/// [`make_dormant`]: crate::Store::make_dormant
/// [`end_dormant`]: crate::Store::end_dormant
/// [`revoke`]: crate::Store::revoke
/// [`revoke_all`]: crate::Store::revoke_all
/// [`note_pending_removal`]: crate::Store::note_pending_removal
/// [`erase`]: crate::Store::erase
/// [`erase_person`]: crate::Store::erase_person
/// [`close_session`]: crate::Store::close_session
/// [`set_members`]: crate::Store::set_members
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum StoreEvent {
    /// A resource has changed: its registration, its list, its revocations, its pending removals, its state.
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
    /// Calling the partner's own code for a resource: that for its provisioning, plan change or
    /// deprovisioning.
    Partner(ResourceId),
    /// Exchanging a resource's grant code or refresh token for tokens.
    Grant(ResourceId),
    /// Fetching a resource's own list when it is due.
    List(ResourceId),
    /// Fetching a team's members when they are due.
    Members(TeamId),
}

impl fmt::Display for Work {
    /// The name of the lease, of at most 72 bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grant(id) => write!(f, "grant:{id}"),
            Self::List(id) => write!(f, "list:{id}"),
            Self::Members(id) => write!(f, "members:{id}"),
            Self::Partner(id) => write!(f, "partner:{id}"),
        }
    }
}
