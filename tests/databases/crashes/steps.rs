//! Where a process is killed, and what is found then.

use heroku_addon_simulator::Endpoint;

use crate::crashes::held::Write;

/// What a process is about when it is killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Does {
    /// Asks Heroku for the list.
    Refresh,
    /// Takes a new grant in.
    Register,
    /// Answers Heroku's DELETE.
    Delete,
    /// The partner's own call.
    Deprovision,
}

/// Where it is then.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// Heroku is asked, and has not answered.
    Asked(Endpoint),
    /// The partner's method is under way.
    Partner,
    /// In the middle of a change in the store.
    Writing(Write),
    /// The change is stored, and nobody has been told.
    Written(Write),
}

/// What the store says of the resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// And so often Heroku has said that it is not there.
    Active(u32),
    Dormant,
    Deprovisioning,
    /// And the partner's part of it is owed.
    Ended,
    Deprovisioned,
}
