//! What the sync is told.

use std::time::Duration;

use super::plan::SyncScope;
use crate::access::ListPolicy;
use crate::deadlines;
use crate::lifespan::Limits;
use crate::webhook::Webhooks;

/// How old lists may be, and which of them are kept fresh.
#[derive(Clone, Debug)]
pub(crate) struct SyncSettings {
    pub(crate) refresh_interval: Duration,
    pub(crate) idle_interval: Duration,
    pub(crate) max_list_age: Duration,
    pub(crate) max_session: Duration,
    pub(crate) in_use_for: Duration,
    pub(crate) dormant_for: Duration,
    pub(crate) scope: SyncScope,
    pub(crate) rate_pools: RatePools,
    pub(crate) list_policy: ListPolicy,
    pub(crate) webhooks: Option<Webhooks>,
    pub(crate) deadlines: Deadlines,
}

impl SyncSettings {
    /// No status of Heroku's keeps it from being asked for longer than a list lasts.
    pub(crate) fn longest_block(&self) -> Duration {
        self.idle_interval.min(self.max_list_age)
    }
}

/// How long what takes several calls to Heroku may take, in real time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    /// A whole list, in the background: its slot in the sync is free again.
    pub(crate) list: Duration,
    /// For a request that waits for a list: the fetch goes on without it.
    pub(crate) request: Duration,
}

impl Deadlines {
    /// By how long one call may take. With the default of 10 s: 60 s and 15 s, and never more.
    pub(crate) fn of_calls(timeout: Duration) -> Self {
        Self {
            list: (timeout * 6).min(deadlines::LIST),
            request: (timeout * 3).min(deadlines::REQUEST),
        }
    }
}

impl SyncSettings {
    /// What a session's end depends on.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            refresh_interval: self.refresh_interval,
            max_list_age: self.max_list_age,
            max_session: self.max_session,
        }
    }
}

/// Whose calls draw on one rate limit of Heroku's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum RatePools {
    /// All resources share one. What Heroku does is not documented, so this is the default: the sync
    /// slows down by the last `RateLimit-Remaining` of any answer.
    #[default]
    Shared,
    /// Each resource's token has one of its own.
    PerToken,
}
