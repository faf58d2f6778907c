//! The token buckets for fetches that the schedule did not plan.

use std::time::Duration;

use parking_lot::Mutex;

use super::token_bucket::TokenBucket;

/// For one resource: a burst of 10 fetches for people and webhooks, and of 5 for the partner's calls. One more of
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
    /// The partner's call.
    Caller,
}

/// The buckets of one resource.
#[derive(Debug)]
pub(in crate::sync) struct OwnBudgets {
    outside: TokenBucket,
    callers: TokenBucket,
}

/// The buckets shared by all resources, one for each of the three reasons, so that none of them exhausts
/// another.
#[derive(Debug)]
pub(in crate::sync) struct SharedBudgets(Mutex<[TokenBucket; 3]>);

impl OwnBudgets {
    pub(in crate::sync) fn full(now: Duration) -> Self {
        Self {
            outside: TokenBucket::full(OUTSIDE_BURST, REFILL, now),
            callers: TokenBucket::full(CALLERS_BURST, REFILL, now),
        }
    }

    pub(in crate::sync) fn of(&mut self, force: Force) -> &mut TokenBucket {
        match force {
            Force::Unlisted | Force::Change => &mut self.outside,
            Force::Caller => &mut self.callers,
        }
    }
}

impl Default for SharedBudgets {
    /// Full.
    fn default() -> Self {
        let bucket = || TokenBucket::full(SHARED_BURST, SHARED_REFILL, Duration::ZERO);
        Self(Mutex::new([bucket(), bucket(), bucket()]))
    }
}

impl SharedBudgets {
    /// Charges a fetch of this many calls: [`TokenBucket::take`].
    pub(in crate::sync) fn take(
        &self,
        force: Force,
        cost: u32,
        now: Duration,
    ) -> Result<(), Duration> {
        self.with(force, |bucket| bucket.take(cost, now))
    }

    pub(in crate::sync) fn wait(&self, force: Force, now: Duration) -> Duration {
        self.with(force, |bucket| bucket.wait(now))
    }

    fn with<T>(&self, force: Force, act: impl FnOnce(&mut TokenBucket) -> T) -> T {
        let [unlisted, change, caller] = &mut *self.0.lock();
        act(match force {
            Force::Unlisted => unlisted,
            Force::Change => change,
            Force::Caller => caller,
        })
    }
}
