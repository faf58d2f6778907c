//! The token buckets for fetches that the schedule did not plan.

use std::time::Duration;

use parking_lot::Mutex;

use super::token_bucket::TokenBucket;

/// For one resource: a burst of 10 fetches for unlisted users and webhooks together, and of 5 for the
/// partner's calls. One more of each is allowed every 10 seconds.
const OUTSIDE_BURST: u32 = 10;
const CALLERS_BURST: u32 = 5;
const REFILL: Duration = Duration::from_secs(10);

/// For the attached apps of one resource: the burst for unlisted users, for webhooks and for the partner's
/// calls. A reading needs one token to begin, and costs one for each call to Heroku. One returns every 10
/// seconds. So no resource alone uses up the shared budgets.
const ATTACHED_BURST: [u32; 3] = [1, 1, 60];

/// The calls to Heroku for all resources together: a burst of 150, and 6 more a minute. Each reason has
/// such a bucket for lists, and another one for attached apps. Heroku's pool is 4,500 calls, and 75 more a
/// minute (<https://devcenter.heroku.com/articles/platform-api-reference>).
const SHARED_BURST: u32 = 150;
const SHARED_REFILL: Duration = Duration::from_secs(10);

/// Why a young list is fetched again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sync) enum ForcedBy {
    /// An email that is not on the list.
    UnlistedUser,
    /// Heroku said that the list has changed.
    Webhook,
    /// The partner's call.
    Partner,
}

impl ForcedBy {
    /// The bucket for this reason.
    fn pick(self, [unlisted, webhook, partner]: &mut [TokenBucket; 3]) -> &mut TokenBucket {
        match self {
            Self::UnlistedUser => unlisted,
            Self::Webhook => webhook,
            Self::Partner => partner,
        }
    }
}

/// The buckets of one resource.
#[derive(Debug)]
pub(in crate::sync) struct OwnBudgets {
    outside: TokenBucket,
    callers: TokenBucket,
    /// Created with the first forced reading of attached apps.
    attached: Option<Box<[TokenBucket; 3]>>,
}

/// Buckets shared by all resources, one for each of the three reasons, so that none of them exhausts another.
#[derive(Debug)]
pub(in crate::sync) struct SharedBudgets(Mutex<[TokenBucket; 3]>);

impl OwnBudgets {
    pub(in crate::sync) fn full(now: Duration) -> Self {
        Self {
            outside: TokenBucket::full(OUTSIDE_BURST, REFILL, now),
            callers: TokenBucket::full(CALLERS_BURST, REFILL, now),
            attached: None,
        }
    }

    pub(in crate::sync) fn of(&mut self, by: ForcedBy) -> &mut TokenBucket {
        match by {
            ForcedBy::UnlistedUser | ForcedBy::Webhook => &mut self.outside,
            ForcedBy::Partner => &mut self.callers,
        }
    }

    /// The bucket for readings of attached apps.
    pub(in crate::sync) fn of_attached(&mut self, by: ForcedBy, now: Duration) -> &mut TokenBucket {
        let full = |burst| TokenBucket::full(burst, REFILL, now);
        let buckets = self
            .attached
            .get_or_insert_with(|| Box::new(ATTACHED_BURST.map(full)));
        by.pick(buckets)
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
        by: ForcedBy,
        cost: u32,
        now: Duration,
    ) -> Result<(), Duration> {
        self.with(by, |bucket| bucket.take(cost, now))
    }

    /// Corrects an earlier charge of `paid` that turned out to cost `cost`.
    pub(in crate::sync) fn correct(&self, by: ForcedBy, paid: u32, cost: u32) {
        self.with(by, |bucket| bucket.correct(paid, cost));
    }

    pub(in crate::sync) fn wait(&self, by: ForcedBy, now: Duration) -> Duration {
        self.with(by, |bucket| bucket.wait(now))
    }

    fn with<T>(&self, by: ForcedBy, act: impl FnOnce(&mut TokenBucket) -> T) -> T {
        act(by.pick(&mut self.0.lock()))
    }
}
