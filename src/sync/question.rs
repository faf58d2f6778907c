//! Whether a resource is there, as a question of its own.

use std::time::Duration;

/// What Heroku is asked because of what it said of the resource's being there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Question {
    /// Nothing but the list in its turn.
    InTurn,
    /// Whether it is there after all, in this time.
    OfDoubtful(Duration),
    /// The same of a dormant resource.
    OfDormant(Duration),
}
