//! The points of the kills, and the expected states.

use heroku_addon_simulator::Endpoint;

use crate::crashes::held::Write;

/// The task of a process when it is killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Does {
    /// Fetches the list.
    Refresh,
    /// Registers a new grant.
    Register,
    /// Answers Heroku's DELETE.
    Delete,
    /// The partner's `deprovision` call.
    Deprovision,
}

/// The point of the kill.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// During a call to Heroku.
    Asked(Endpoint),
    /// In the partner's method.
    Partner,
    /// During a change in the store.
    Writing(Write),
    /// The change is stored, but no event is reported.
    Written(Write),
}

/// The stored state of the resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// With this number of absences reported by Heroku.
    Active(u32),
    Dormant,
    Deprovisioning,
    /// The partner's call is owed.
    Ended,
    Deprovisioned,
}
