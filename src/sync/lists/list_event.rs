//! Events for the readers of changes.

use crate::ids::ResourceId;

/// How many events a slow reader may lag behind before it checks every resource again.
pub(in crate::sync) const BACKLOG: usize = 1024;

/// An event says only that there is something to look at.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) enum ListEvent {
    /// The people on this resource's list have changed.
    List(ResourceId),
    Gone(ResourceId),
    /// The resources have been read from the store.
    Loaded,
}
