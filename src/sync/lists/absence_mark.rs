//! The question whether a resource exists, apart from its list.

use std::time::Duration;

/// What Heroku is asked, given its earlier answers about the resource's existence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sync) enum Question {
    /// Only for the list, on schedule.
    InTurn,
    /// Whether the resource exists after all, in this time.
    OfDoubtful(Duration),
    /// The same for a dormant resource.
    OfDormant(Duration),
}
