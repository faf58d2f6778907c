//! Who pays for a fetch that the schedule did not plan.
//!
//! Fetches of a resource's list are caused by people whom it lacks, by Heroku's webhooks and by callers of
//! `refresh_now`. These fetches draw on the resource's own bucket. A *forced* fetch, of a list that is still
//! young, also draws on a bucket shared by all resources. So a hostile tenant costs the other tenants only
//! this: forced fetches are rare for a while. Every list in use is refreshed as before.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::token_bucket::Budget;
use crate::heroku::Urgency;
use crate::sync::SyncError;
use crate::sync::directory::Directory;
use crate::sync::lists::entry::{Entry, Progress};
use crate::sync::settings::RatePools;

/// For one resource: a burst of 10 fetches for people and webhooks, and of 5 for `refresh_now`. One more of
/// each is allowed every 10 seconds.
const OUTSIDE_BURST: u32 = 10;
const CALLERS_BURST: u32 = 5;
const REFILL: Duration = Duration::from_secs(10);

/// For all resources together and each reason: a burst of this many calls, and 6 more a minute. Heroku's pool
/// is 4,500 calls, and 75 more a minute.
const SHARED_BURST: u32 = 150;
const SHARED_REFILL: Duration = Duration::from_secs(10);

/// Why a young list is fetched again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sync) enum Force {
    /// An email that is not on the list.
    Unlisted,
    /// Heroku said that the list has changed.
    Change,
    /// `refresh_now`.
    Caller,
}

/// Who pays for a fetch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sync) enum Charge {
    /// The schedule, which has planned for it, even where a session causes it before its turn.
    Schedule,
    /// The resource: its list is too old for a waiting request.
    Resource,
    /// The resource, and also the shared buckets if the list is young.
    Forced(Force),
}

/// The buckets of one resource.
#[derive(Debug)]
pub(in crate::sync) struct OwnBudgets {
    outside: Budget,
    callers: Budget,
}

/// The buckets shared by all resources, one for each of the three reasons, so that none of them exhausts
/// another.
#[derive(Debug)]
pub(in crate::sync) struct SharedBudgets(Mutex<[Budget; 3]>);

impl OwnBudgets {
    pub(in crate::sync) fn full(now: Duration) -> Self {
        Self {
            outside: Budget::full(OUTSIDE_BURST, REFILL, now),
            callers: Budget::full(CALLERS_BURST, REFILL, now),
        }
    }

    fn of(&mut self, force: Force) -> &mut Budget {
        match force {
            Force::Unlisted | Force::Change => &mut self.outside,
            Force::Caller => &mut self.callers,
        }
    }
}

impl Default for SharedBudgets {
    /// Full.
    fn default() -> Self {
        let bucket = || Budget::full(SHARED_BURST, SHARED_REFILL, Duration::ZERO);
        Self(Mutex::new([bucket(), bucket(), bucket()]))
    }
}

impl SharedBudgets {
    fn with<T>(&self, force: Force, act: impl FnOnce(&mut Budget) -> T) -> T {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [unlisted, change, caller] = &mut *buckets;
        act(match force {
            Force::Unlisted => unlisted,
            Force::Change => change,
            Force::Caller => caller,
        })
    }
}

/// Pays for a fetch that begins now.
///
/// # Errors
/// [`SyncError::OverBudget`]; nothing was paid.
pub(in crate::sync) fn pay(
    directory: &Directory,
    entry: &Entry,
    payer: Charge,
) -> Result<(), SyncError> {
    let over_budget = |retry_after| SyncError::OverBudget { retry_after };
    let now = directory.clock.elapsed();
    let mut progress = entry.progress();
    match payer {
        Charge::Schedule => Ok(()),
        Charge::Resource => progress.budgets.outside.take(1, now).map_err(over_budget),
        Charge::Forced(force) => {
            let wait = wait(directory, entry, &mut progress, force);
            if !wait.is_zero() {
                return Err(over_budget(wait));
            }
            let shares_pool = directory.settings.rate_pools == RatePools::Shared;
            if let Some(cost) = shared_cost(directory, entry).filter(|_| shares_pool) {
                let taken = directory
                    .forced
                    .with(force, |shared| shared.take(cost, now));
                taken.map_err(over_budget)?;
            }
            progress.budgets.of(force).take(1, now).map_err(over_budget)
        }
    }
}

/// How long until a forced fetch can be paid for.
pub(in crate::sync) fn wait(
    directory: &Directory,
    entry: &Entry,
    progress: &mut Progress,
    force: Force,
) -> Duration {
    let now = directory.clock.elapsed();
    let own = progress.budgets.of(force).wait(now);
    if shared_cost(directory, entry).is_none() {
        return own;
    }
    let reserve = directory.pool(entry).shortage(Urgency::Forced, now);
    let shared = match directory.settings.rate_pools {
        RatePools::Shared => directory.forced.with(force, |shared| shared.wait(now)),
        // With a pool for each token, one resource's calls cost the others nothing.
        RatePools::PerToken => Duration::ZERO,
    };
    own.max(reserve).max(shared)
}

/// The calls that a fetch costs all resources together. None if a waiting request would fetch the list
/// anyway, because it is old or missing.
fn shared_cost(directory: &Directory, entry: &Entry) -> Option<u32> {
    let held = entry.held()?;
    let is_young = held.age(&directory.clock) <= directory.settings.refresh_interval;
    is_young.then(|| held.calls())
}
