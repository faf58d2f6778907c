//! Word to the readers of changes.

use crate::ids::ResourceId;

/// How many notices a slow reader may be behind before it looks at every resource anew.
pub(super) const BACKLOG: usize = 1024;

/// Word that there is something to look at.
#[derive(Clone, Copy, Debug)]
pub(super) enum ListEvent {
    /// The people on this resource's list are others.
    List(ResourceId),
    Gone(ResourceId),
    /// The resources have been read from the store.
    Loaded,
}
