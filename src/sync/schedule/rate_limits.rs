//! The limits that a fetch draws on: Heroku's rate pool, and our own budgets.
//!
//! A fetch that the schedule did not plan is caused by a person whom the list lacks, by a webhook of Heroku's
//! or by the partner's call for a refresh. It draws on the resource's own budget. If the list is still young,
//! it also draws on a budget that all resources share. So a hostile tenant only makes such fetches rare for a
//! while; every list in use is refreshed as before.
//!
//! Attached apps take more calls than the list, so they have separate budgets. A reading of them is charged
//! with the calls that it made.

use std::time::Duration;

use super::queue::Target;
use crate::clock::SharedClock;
use crate::heroku::{RatePool, Urgency};
use crate::sync::SyncError;
use crate::sync::settings::{RatePools, SyncSettings};
use crate::sync::state::entry::Entry;
use crate::sync::state::fetch_budgets::{ForcedBy, SharedBudgets};
use crate::sync::state::progress::Progress;

/// Which budgets a fetch draws on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sync) enum Charge {
    /// None: the schedule has planned for the fetch, even if a request causes it before its turn.
    Schedule,
    /// The resource's: its list is too old for a waiting request.
    Resource,
    /// The resource's, and also the shared one if the list is young.
    Forced(ForcedBy),
}

/// Heroku's rate pools, and the budgets shared by all resources.
#[derive(Debug)]
pub(in crate::sync) struct RateLimits {
    clock: SharedClock,
    pools: RatePools,
    refresh_interval: Duration,
    shared_pool: RatePool,
    shared_budgets: SharedBudgets,
    /// For readings of attached apps, so that these use up no budget for lists.
    attached_budgets: SharedBudgets,
}

impl RateLimits {
    pub(in crate::sync) fn new(clock: SharedClock, settings: &SyncSettings) -> Self {
        Self {
            clock,
            pools: settings.rate_pools,
            refresh_interval: settings.refresh_interval,
            shared_pool: RatePool::default(),
            shared_budgets: SharedBudgets::default(),
            attached_budgets: SharedBudgets::default(),
        }
    }

    /// A new resource's own pool, if each token has one.
    pub(in crate::sync) fn new_pool(&self) -> Option<RatePool> {
        match self.pools {
            RatePools::Shared => None,
            RatePools::PerToken => Some(RatePool::default()),
        }
    }

    /// The pool that calls on behalf of this resource draw on.
    pub(in crate::sync) fn pool<'a>(&'a self, entry: &'a Entry) -> &'a RatePool {
        entry.pool.as_deref().unwrap_or(&self.shared_pool)
    }

    /// The calls that the shared pool has left, if that is known.
    pub(in crate::sync) fn calls_left(&self) -> Option<u32> {
        self.shared_pool.left(self.clock.elapsed())
    }

    /// True while calls for a team's members are scarce. Under [`RatePools::PerToken`], any of the team's
    /// tokens will do.
    pub(in crate::sync) fn is_scarce_for_teams(&self) -> bool {
        self.pools == RatePools::Shared && self.shared_pool.is_scarce(self.clock.elapsed())
    }

    /// How long the rate limit delays a background fetch.
    pub(in crate::sync) fn delay(&self, target: &Target, urgency: Urgency) -> Duration {
        let now = self.clock.elapsed();
        match (target, self.pools) {
            (Target::Resource(entry), _) => self.pool(entry).wait(urgency, now),
            (Target::Team(_), RatePools::Shared) => self.shared_pool.wait(urgency, now),
            (Target::Team(_), RatePools::PerToken) => Duration::ZERO,
        }
    }

    /// Charges a fetch that begins now.
    ///
    /// # Errors
    /// [`SyncError::OverBudget`]; nothing was charged.
    pub(in crate::sync) fn charge(&self, entry: &Entry, charge: Charge) -> Result<(), SyncError> {
        let over_budget = |retry_after| SyncError::OverBudget { retry_after };
        let now = self.clock.elapsed();
        let mut progress = entry.progress();
        match charge {
            Charge::Schedule => Ok(()),
            Charge::Resource => {
                let taken = progress
                    .budgets(now)
                    .of(ForcedBy::UnlistedUser)
                    .take(1, now);
                taken.map_err(over_budget)
            }
            Charge::Forced(by) => {
                let wait = self.wait_for(entry, &mut progress, by);
                if !wait.is_zero() {
                    return Err(over_budget(wait));
                }
                let shares_pool = self.pools == RatePools::Shared;
                if let Some(cost) = self.shared_cost(entry).filter(|_| shares_pool) {
                    let taken = self.shared_budgets.take(by, cost, now);
                    taken.map_err(over_budget)?;
                }
                progress
                    .budgets(now)
                    .of(by)
                    .take(1, now)
                    .map_err(over_budget)
            }
        }
    }

    /// Charges a reading of attached apps that begins now, and takes about `calls` calls.
    ///
    /// # Errors
    /// [`SyncError::OverBudget`]; nothing was charged.
    pub(in crate::sync) fn charge_attached(
        &self,
        entry: &Entry,
        charge: Charge,
        calls: u32,
    ) -> Result<(), SyncError> {
        let over_budget = |retry_after| SyncError::OverBudget { retry_after };
        let Charge::Forced(by) = charge else {
            return self.charge(entry, charge);
        };
        let now = self.clock.elapsed();
        let mut progress = entry.progress();
        let wait = self.wait_for_attached(entry, &mut progress, by);
        if !wait.is_zero() {
            return Err(over_budget(wait));
        }
        if self.pools == RatePools::Shared {
            let taken = self.attached_budgets.take(by, calls, now);
            taken.map_err(over_budget)?;
        }
        let bucket = progress.budgets(now).of_attached(by, now);
        bucket.take(calls, now).map_err(over_budget)
    }

    /// Corrects the charge for a reading that was expected to take `charged` calls, and took `made`.
    pub(in crate::sync) fn correct_attached(
        &self,
        entry: &Entry,
        charge: Charge,
        charged: u32,
        made: u32,
    ) {
        let Charge::Forced(by) = charge else {
            return;
        };
        if self.pools == RatePools::Shared {
            self.attached_budgets.correct(by, charged, made);
        }
        let (now, mut progress) = (self.clock.elapsed(), entry.progress());
        let bucket = progress.budgets(now).of_attached(by, now);
        bucket.correct(charged, made);
    }

    /// How long until the budgets allow a forced reading of attached apps.
    pub(in crate::sync) fn wait_for_attached(
        &self,
        entry: &Entry,
        progress: &mut Progress,
        by: ForcedBy,
    ) -> Duration {
        let now = self.clock.elapsed();
        let own = progress.budgets(now).of_attached(by, now).wait(now);
        own.max(self.wait_for_shared(entry, &self.attached_budgets, by, now))
    }

    /// How long until the budgets allow a forced fetch.
    pub(in crate::sync) fn wait_for(
        &self,
        entry: &Entry,
        progress: &mut Progress,
        by: ForcedBy,
    ) -> Duration {
        let now = self.clock.elapsed();
        let own = progress.budgets(now).of(by).wait(now);
        if self.shared_cost(entry).is_none() {
            return own;
        }
        own.max(self.wait_for_shared(entry, &self.shared_budgets, by, now))
    }

    /// How long until the rate pool, and the budget shared by all resources, allow a forced fetch.
    fn wait_for_shared(
        &self,
        entry: &Entry,
        budgets: &SharedBudgets,
        by: ForcedBy,
        now: Duration,
    ) -> Duration {
        let reserve = self.pool(entry).shortage(Urgency::Forced, now);
        match self.pools {
            RatePools::Shared => reserve.max(budgets.wait(by, now)),
            // With a pool for each token, one resource's calls cost the others nothing.
            RatePools::PerToken => reserve,
        }
    }

    /// The calls that a fetch costs all resources together. None if a waiting request would fetch the list
    /// anyway, because it is old or missing.
    fn shared_cost(&self, entry: &Entry) -> Option<u32> {
        let list = entry.list()?;
        let is_young = list.age(&self.clock) <= self.refresh_interval;
        is_young.then(|| list.calls())
    }
}
