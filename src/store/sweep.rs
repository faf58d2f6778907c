//! When a store removes what is old.

use time::{Duration, OffsetDateTime};

/// How long used sign-ins and closed sessions are kept past the time for which they matter, as clocks differ.
pub(super) const KEPT_LONGER: Duration = Duration::HOUR;

const PERIOD: Duration = Duration::minutes(10);

#[derive(Debug, Default)]
pub(super) struct Sweep(Option<OffsetDateTime>);

impl Sweep {
    /// True once a period.
    pub(super) fn is_due(&mut self, now: OffsetDateTime) -> bool {
        if self.0.is_some_and(|at| now < at && at <= now + PERIOD) {
            return false;
        }
        self.0 = Some(now + PERIOD);
        true
    }
}
