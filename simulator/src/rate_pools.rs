//! How many calls an account may make, and how fast it may make more.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

/// Which calls share a pool. Heroku does not say what it does for add-ons.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum RatePools {
    /// All add-ons draw on one pool, as if the partner were one account.
    #[default]
    Shared,
    /// Each add-on has a pool of its own.
    PerAddOn,
}

/// How the pools behave.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateRules {
    pub(super) size: u32,
    pub(super) refill_per_minute: u32,
    pub(super) pools: RatePools,
    /// Whether an empty pool refuses calls.
    pub(super) enforced: bool,
    /// Whether an answer of 304 costs as much as any other.
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

/// What one call costs. With the minute's nanoseconds as its parts, a refill needs no rounding.
const CALL: u128 = 60_000_000_000;

/// What is left at a moment of the simulator's clock.
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

/// All pools. Those that nobody has drawn on yet are `untouched`.
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

    /// Pays for a call of an add-on, or says that it is refused.
    pub(super) fn draw(&mut self, addon: Uuid, now: Duration) -> bool {
        let enforced = self.rules.enforced;
        let pool = self.pool(addon, now);
        let enough = pool.level >= CALL;
        if enough || !enforced {
            pool.level = pool.level.saturating_sub(CALL);
        }
        enough || !enforced
    }

    /// Takes a payment back.
    pub(super) fn give_back(&mut self, addon: Uuid, now: Duration) {
        self.pool(addon, now).level += CALL;
        self.pool(addon, now); // not beyond its size
    }

    /// How many calls an add-on could make at once.
    pub(super) fn remaining(&mut self, addon: Uuid, now: Duration) -> usize {
        self.pool(addon, now).calls()
    }

    /// The same for the add-on that could make the fewest.
    pub(super) fn lowest(&self, now: Duration) -> usize {
        let pools = self.drawn_on.values().chain([&self.untouched]);
        let calls = pools.map(|pool| {
            let mut pool = *pool;
            pool.refill(&self.rules, now);
            pool.calls()
        });
        calls.min().unwrap_or_default()
    }

    /// Lets every pool hold this much now.
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
