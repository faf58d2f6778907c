//! The counts: requests by day and verdict, and users who are not on their list.

use std::collections::BTreeMap;

use serde::Serialize;
use time::Date;

/// A verdict, as it is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen {
    Allowed,
    /// With the code of the rejection.
    Rejected(&'static str),
    SignInNeeded,
    Undecided,
}

/// What was observed in one day.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ObservedDay {
    /// The day, in UTC, as `2026-03-01`.
    #[serde(serialize_with = "iso_date")]
    pub date: Date,
    /// Requests, without sign-ins.
    pub requests: ObservedTotals,
    /// Forms of Heroku's SSO.
    pub sign_ins: ObservedTotals,
}

/// Requests or sign-ins by verdict.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ObservedTotals {
    /// They would have passed.
    pub allowed: u64,
    /// They would have been rejected, by [reason](crate::RejectionKind::code).
    pub rejected: BTreeMap<&'static str, u64>,
    /// They had no session at the gate: a browser would have been redirected to Heroku.
    pub sign_in_needed: u64,
    /// There was no verdict in time.
    pub undecided: u64,
}

impl ObservedTotals {
    pub(super) fn add(&mut self, seen: Seen) {
        match seen {
            Seen::Allowed => self.allowed += 1,
            Seen::Rejected(reason) => *self.rejected.entry(reason).or_default() += 1,
            Seen::SignInNeeded => self.sign_in_needed += 1,
            Seen::Undecided => self.undecided += 1,
        }
    }

    /// Those that would have been rejected.
    pub fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// The sum of both.
    pub(super) fn plus(mut self, other: &Self) -> Self {
        self.allowed += other.allowed;
        self.sign_in_needed += other.sign_in_needed;
        self.undecided += other.undecided;
        for (reason, count) in &other.rejected {
            *self.rejected.entry(*reason).or_default() += *count;
        }
        self
    }

    /// All requests or sign-ins.
    pub fn total(&self) -> u64 {
        self.allowed + self.rejected() + self.sign_in_needed + self.undecided
    }

    /// The share that would have been rejected, between 0 and 1, of those whose user the gate knows. None if
    /// there are no such requests.
    pub fn rejected_share(&self) -> Option<f64> {
        let known = self.allowed + self.rejected();
        (known > 0).then(|| self.rejected() as f64 / known as f64)
    }
}

impl ObservedDay {
    pub(super) fn new(date: Date) -> Self {
        Self {
            date,
            requests: ObservedTotals::default(),
            sign_ins: ObservedTotals::default(),
        }
    }
}

fn iso_date<S: serde::Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}
