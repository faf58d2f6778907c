//! The settings of the sync.

use std::time::Duration;

use time::OffsetDateTime;

use crate::access::ListPolicy;
use crate::audit::AuditLog;
use crate::deadlines;
use crate::lifespan::Limits;
use crate::sync::schedule::next_fetch::SyncScope;
use crate::webhook::Webhooks;

/// How long a session's data is kept beyond the session's longest life. The clocks of processes differ, so
/// one of them may still accept the session.
pub(in crate::sync) const CLOCK_SKEW_GRACE: Duration = Duration::from_secs(10 * 60);

/// The pause before a store that did not answer is asked again.
pub(in crate::sync) const STORE_RETRY: Duration = Duration::from_secs(5);

/// The settings that the sync works by. The methods of the same names on
/// [`HerokuSsoBuilder`](crate::HerokuSsoBuilder) document them.
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
    pub(crate) include_attached_apps: bool,
    pub(crate) webhooks: Option<Webhooks>,
    pub(crate) deadlines: Deadlines,
    pub(crate) audit: AuditLog,
}

impl SyncSettings {
    /// The longest pause between two attempts for a resource whose grant Heroku refuses. It is no longer than
    /// a list lasts.
    pub(crate) fn longest_block(&self) -> Duration {
        self.idle_interval.min(self.max_list_age)
    }
}

/// How long work that takes several calls to Heroku may take, in real time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    /// A whole list in the background. After that its slot in the sync is free again.
    pub(crate) list: Duration,
    /// All attached apps of one resource, in the background, after the rest of its list.
    pub(crate) attached: Duration,
    /// A request that waits for a list. The fetch continues without the request.
    pub(crate) request: Duration,
}

impl Deadlines {
    /// Derived from the timeout of one call. The default of 10 s gives 60 s, 30 s and 15 s, which are also
    /// the maximum.
    pub(crate) fn of_calls(timeout: Duration) -> Self {
        Self {
            list: (timeout * 6).min(deadlines::LIST),
            attached: (timeout * 3).min(deadlines::ATTACHED),
            request: (timeout * 3).min(deadlines::REQUEST),
        }
    }
}

impl SyncSettings {
    /// The earliest start of any session that may still be open in any process.
    pub(crate) fn oldest_session(&self, now: OffsetDateTime) -> OffsetDateTime {
        now - self.max_session - CLOCK_SKEW_GRACE
    }

    /// The settings that a session's end depends on.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            refresh_interval: self.refresh_interval,
            max_list_age: self.max_list_age,
            max_session: self.max_session,
        }
    }
}

#[cfg(test)]
impl SyncSettings {
    pub(in crate::sync) fn for_test(clock: &crate::clock::SharedClock) -> Self {
        let refresh = Duration::from_secs(300);
        Self {
            refresh_interval: refresh,
            idle_interval: refresh * 72,
            max_list_age: refresh * 2,
            max_session: refresh * 18,
            in_use_for: refresh * 3,
            dormant_for: refresh * 2_016,
            scope: SyncScope::All,
            rate_pools: RatePools::Shared,
            list_policy: ListPolicy::Documented,
            include_attached_apps: false,
            webhooks: None,
            deadlines: Deadlines::of_calls(Duration::from_secs(10)),
            audit: AuditLog::new(std::sync::Arc::clone(clock), None),
        }
    }
}

/// Which calls share one of Heroku's rate limits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum RatePools {
    /// All resources share one: the sync slows down by the last `RateLimit-Remaining` of any answer. The
    /// default, because Heroku does not document which tokens of a partner share a limit.
    #[default]
    Shared,
    /// Each resource's token has its own limit.
    PerToken,
}
