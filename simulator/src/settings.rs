//! Settings of Heroku's answers that can be changed while it runs.

use std::time::Duration;

use super::{AddOn, ETags, Simulator};

impl Simulator {
    /// Adds this latency to every call of the Platform API and of the token exchange, in real time: it
    /// simulates the network in benchmarks. Zero by default.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.state().latency = latency;
    }

    /// Shifts the `Date` header of all answers by this much, and nothing else.
    pub fn set_date_offset(&self, offset: time::Duration) {
        self.shared.state().date_offset = offset;
    }

    /// The kind of `ETag` headers of answers from now on.
    pub fn set_etags(&self, etags: ETags) {
        self.shared.state().etags = etags;
    }

    /// Whether a call on an empty rate pool is rejected with 429 from now on.
    pub fn enforce_rate_limit(&self, enforced: bool) {
        self.shared.state().rates.rules.enforced = enforced;
    }

    /// Whether a 304 draws on the rate pool, as by default. Heroku does not document this.
    pub fn charge_not_modified(&self, charged: bool) {
        self.shared.state().rates.rules.charges_not_modified = charged;
    }

    /// The remaining calls in the rate pool: with one pool per add-on, in the emptiest.
    pub fn rate_limit_remaining(&self) -> usize {
        let now = self.shared.clock.elapsed();
        self.shared.state().rates.lowest(now)
    }

    /// Sets the level of every rate pool, at most to its size. It refills from there.
    pub fn set_rate_limit_remaining(&self, calls: usize) {
        let now = self.shared.clock.elapsed();
        self.shared.state().rates.set_all(calls, now);
    }
}

impl AddOn {
    /// The remaining calls in the rate pool of this add-on.
    pub fn rate_limit_remaining(&self) -> usize {
        let now = self.simulator.shared.clock.elapsed();
        let mut state = self.simulator.shared.state();
        state.rates.remaining(self.id, now)
    }
}
