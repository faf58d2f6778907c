//! Whether the gate can be enforced: what was observed so far, and what is missing.

mod counts;
mod observations;
mod report;

pub(crate) use counts::Seen;
pub use counts::{ObservedDay, ObservedTotals};
pub(crate) use observations::{Observations, What};
pub use report::Readiness;
