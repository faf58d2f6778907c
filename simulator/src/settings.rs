//! What can be set about Heroku's answers while it runs.

use std::time::Duration;

use super::{AddOn, ETags, Simulator};

impl Simulator {
    /// Answers every call of the Platform API and of the token exchange this much later, in real
    /// time: the network, for benchmarks. Zero from the start.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.state().latency = latency;
    }

    /// Lets the `Date` header of all answers be off by this much. Nothing else is.
    pub fn set_date_offset(&self, offset: time::Duration) {
        self.shared.state().date_offset = offset;
    }

    /// Which `ETag` headers answers have from now on.
    pub fn set_etags(&self, etags: ETags) {
        self.shared.state().etags = etags;
    }

    /// Whether a call that the rate pool has nothing left for is refused with 429 from now on.
    pub fn enforce_rate_limit(&self, enforced: bool) {
        self.shared.state().rates.rules.enforced = enforced;
    }

    /// Whether an answer of 304 draws on the rate pool, as from the start. Heroku does not say.
    pub fn charge_not_modified(&self, charged: bool) {
        self.shared.state().rates.rules.charges_not_modified = charged;
    }

    /// What is left in the rate pool: with one per add-on, in the emptiest.
    pub fn rate_limit_remaining(&self) -> usize {
        let now = self.shared.clock.elapsed();
        self.shared.state().rates.lowest(now)
    }

    /// Lets every rate pool hold this much now, at most its size. It refills from there.
    pub fn set_rate_limit_remaining(&self, calls: usize) {
        let now = self.shared.clock.elapsed();
        self.shared.state().rates.set_all(calls, now);
    }
}

impl AddOn {
    /// What is left in the rate pool that this add-on's calls draw on.
    pub fn rate_limit_remaining(&self) -> usize {
        let now = self.simulator.shared.clock.elapsed();
        let mut state = self.simulator.shared.state();
        state.rates.remaining(self.id, now)
    }
}
