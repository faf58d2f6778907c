//! What the sync is told.

use std::time::Duration;

use super::plan::SyncScope;
use crate::access::ListPolicy;
use crate::webhook::Webhooks;

/// How old lists may be, and which of them are kept fresh.
#[derive(Clone, Debug)]
pub(crate) struct SyncSettings {
    pub(crate) refresh_interval: Duration,
    pub(crate) idle_interval: Duration,
    pub(crate) max_list_age: Duration,
    pub(crate) max_session: Duration,
    pub(crate) scope: SyncScope,
    pub(crate) rate_pools: RatePools,
    pub(crate) list_policy: ListPolicy,
    pub(crate) webhooks: Option<Webhooks>,
}

/// Whose calls draw on one rate limit of Heroku's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum RatePools {
    /// All resources share one. What Heroku does is not documented, so this is the default: the sync
    /// slows down by the lowest `RateLimit-Remaining` of any answer.
    #[default]
    Shared,
    /// Each resource's token has one of its own.
    PerToken,
}
