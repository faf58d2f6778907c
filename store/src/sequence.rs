//! The order of events.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number that orders events across all processes on one store: later is greater.
///
/// Clocks differ from machine to machine and can be set. Sequence numbers therefore order requests to Heroku,
/// sign-ins and revocations.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Sequence(i64);

impl Sequence {
    /// The sequence number with this value, as read from a store.
    pub fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number, for a store.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
