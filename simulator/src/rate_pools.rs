//! Rate pools: the burst of calls that an account may make, and the refill rate.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use super::AddOn;
use super::shared::Shared;

/// Which calls share a pool. Heroku does not document this for add-ons.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum RatePools {
    /// All add-ons draw on one pool, as if the partner were one account.
    #[default]
    Shared,
    /// Each add-on has its own pool.
    PerAddOn,
}

/// Heroku's limit of calls, and what the rate pools have left.
///
/// Given by [`Simulator::rate_limit`](crate::Simulator::rate_limit).
#[derive(Clone, Copy, Debug)]
pub struct RateLimit<'a> {
    shared: &'a Shared,
}

impl<'a> RateLimit<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared }
    }

    /// Whether a call on an empty rate pool is rejected with 429 from now on.
    pub fn enforce(&self, enforced: bool) {
        self.shared.state().rates.rules.enforced = enforced;
    }

    /// Whether a 304 draws on the rate pool, as by default. Heroku does not document this.
    pub fn charge_not_modified(&self, charged: bool) {
        self.shared.state().rates.rules.charges_not_modified = charged;
    }

    /// The remaining calls in the rate pool: with one pool per add-on, in the emptiest.
    pub fn remaining(&self) -> usize {
        let now = self.shared.clock.elapsed();
        self.shared.state().rates.lowest(now)
    }

    /// The remaining calls in the rate pool of this add-on.
    pub fn remaining_of(&self, addon: &AddOn) -> usize {
        let now = self.shared.clock.elapsed();
        self.shared.state().rates.remaining(addon.id, now)
    }

    /// Sets the level of every rate pool, at most to its size. It refills from there.
    pub fn set_remaining(&self, calls: usize) {
        let now = self.shared.clock.elapsed();
        self.shared.state().rates.set_all(calls, now);
    }
}

/// The settings of the pools.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateRules {
    pub(super) size: u32,
    pub(super) refill_per_minute: u32,
    pub(super) pools: RatePools,
    /// Whether calls on an empty pool are rejected.
    pub(super) enforced: bool,
    /// Whether a 304 costs as much as any other answer.
    pub(super) charges_not_modified: bool,
}

impl Default for RateRules {
    fn default() -> Self {
        Self {
            size: 4500,
            refill_per_minute: 75,
            pools: RatePools::Shared,
            enforced: false,
            charges_not_modified: true,
        }
    }
}

/// The cost of one call, in the unit of a pool's level. Each nanosecond refills `refill_per_minute` units, so
/// nothing is rounded.
const CALL: u128 = 60_000_000_000;

/// The remaining calls at a time of the simulator's clock.
#[derive(Clone, Copy, Debug)]
struct Pool {
    level: u128,
    at: Duration,
}

impl Pool {
    fn refill(&mut self, rules: &RateRules, now: Duration) {
        let passed = now.saturating_sub(self.at).as_nanos();
        let gained = passed * u128::from(rules.refill_per_minute);
        self.level = (self.level + gained).min(u128::from(rules.size) * CALL);
        self.at = now;
    }

    fn calls(self) -> usize {
        usize::try_from(self.level / CALL).unwrap_or(usize::MAX)
    }
}

/// All pools. `untouched` is the level of those without any call so far.
#[derive(Debug)]
pub(super) struct Rates {
    pub(super) rules: RateRules,
    untouched: Pool,
    drawn_on: HashMap<Option<Uuid>, Pool>,
}

impl Rates {
    pub(super) fn new(rules: RateRules) -> Self {
        let untouched = Pool {
            level: u128::from(rules.size) * CALL,
            at: Duration::ZERO,
        };
        Self {
            rules,
            untouched,
            drawn_on: HashMap::new(),
        }
    }

    /// Charges an add-on for a call, or rejects the call.
    pub(super) fn draw(&mut self, addon: Uuid, now: Duration) -> bool {
        let enforced = self.rules.enforced;
        let pool = self.pool(addon, now);
        let enough = pool.level >= CALL;
        if enough || !enforced {
            pool.level = pool.level.saturating_sub(CALL);
        }
        enough || !enforced
    }

    /// Refunds a charge.
    pub(super) fn give_back(&mut self, addon: Uuid, now: Duration) {
        self.pool(addon, now).level += CALL;
        self.pool(addon, now); // not beyond its size
    }

    /// How many calls an add-on could make now.
    pub(super) fn remaining(&mut self, addon: Uuid, now: Duration) -> usize {
        self.pool(addon, now).calls()
    }

    /// The same for the add-on with the fewest calls left.
    pub(super) fn lowest(&self, now: Duration) -> usize {
        let pools = self.drawn_on.values().chain([&self.untouched]);
        let calls = pools.map(|pool| {
            let mut pool = *pool;
            pool.refill(&self.rules, now);
            pool.calls()
        });
        calls.min().unwrap_or_default()
    }

    /// Sets the current level of every pool.
    pub(super) fn set_all(&mut self, calls: usize, now: Duration) {
        let size = usize::try_from(self.rules.size).unwrap_or(usize::MAX);
        self.drawn_on.clear();
        self.untouched = Pool {
            level: calls.min(size) as u128 * CALL,
            at: now,
        };
    }

    fn pool(&mut self, addon: Uuid, now: Duration) -> &mut Pool {
        let key = match self.rules.pools {
            RatePools::Shared => None,
            RatePools::PerAddOn => Some(addon),
        };
        let pool = self.drawn_on.entry(key).or_insert(self.untouched);
        pool.refill(&self.rules, now);
        pool
    }
}
