//! The state of all lists together.

use std::sync::Arc;
use std::time::Duration;

use super::directory::Directory;
use crate::ids::ResourceId;
use crate::sync::lists::entry::Entry;

/// The state of all lists of this process, for health checks and dashboards.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Health {
    /// Resources in memory.
    pub resources: usize,
    /// How many of them have no list yet.
    pub without_list: usize,
    /// How many are in use: they had a gated request within the last
    /// [`in_use_for`](crate::Config::in_use_for), or have a response that is still being read.
    pub in_use: usize,
    /// How many of them need a new grant, because Heroku refused their refresh token.
    pub needing_grant: usize,
    /// How many are dormant: Heroku says that they do not exist.
    pub dormant: usize,
    /// Age of the oldest list; none if there is no list. The list of a resource that is not in use may be as
    /// old as `idle_interval`.
    pub oldest_list: Option<Duration>,
    /// Age of the oldest list of a resource in use.
    pub oldest_in_use: Option<Duration>,
    /// True while a sync runs that [`HerokuSso::spawn_sync`](crate::HerokuSso::spawn_sync) started.
    pub sync_alive: bool,
    /// True if no list in use is older than `max_list_age`. A list that old admits no user.
    pub fresh: bool,
    /// Lists that are due, and wait for their turn or for Heroku's rate limit.
    pub due: usize,
    /// True if lists are not refreshed within their intervals, because the rate limit does not allow it.
    pub behind: bool,
    /// The calls that Heroku's rate limit still allows, by its last answer. None before the first answer, and
    /// under [`RatePools::PerToken`](super::RatePools::PerToken).
    pub calls_left: Option<u32>,
    /// Seconds that Heroku's clock is ahead of ours (behind, if negative), by its last answer.
    pub clock_drift_seconds: Option<i64>,
}

impl Directory {
    /// Reads every resource in memory: about 10 ms for 100,000.
    pub(crate) fn health(&self) -> Health {
        let now = self.clock.elapsed();
        let settings = &self.settings;
        let drift = self.client.clock_drift();
        let mut health = Health {
            fresh: true,
            sync_alive: self.schedule.has_consumer(),
            due: self.backlog.due(),
            behind: self.backlog.is_behind(),
            calls_left: self.shared_pool.left(now),
            clock_drift_seconds: drift.map(time::Duration::whole_seconds),
            ..Health::default()
        };
        for entry in &self.entries {
            health.resources += 1;
            health.dormant += usize::from(entry.is_dormant());
            health.needing_grant += usize::from(entry.progress().grant_refused.is_some());
            let in_use = entry.is_in_use(settings.in_use_for, now);
            health.in_use += usize::from(in_use);
            let Some(age) = entry.held().map(|held| held.age(&self.clock)) else {
                health.without_list += 1;
                health.fresh &= !in_use;
                continue;
            };
            health.oldest_list = health.oldest_list.max(Some(age));
            if in_use {
                health.oldest_in_use = health.oldest_in_use.max(Some(age));
                health.fresh &= age <= settings.max_list_age;
            }
        }
        health
    }

    /// Resources that need a new grant.
    pub(crate) fn needing_grant(&self) -> Vec<ResourceId> {
        let entries = self.entries.iter();
        let refused = entries.filter(|entry| entry.progress().grant_refused.is_some());
        refused.map(|entry| entry.id).collect()
    }

    pub(super) fn lists_missing(&self) -> usize {
        self.entries
            .iter()
            .filter(|entry| entry.held().is_none())
            .count()
    }

    pub(super) fn entries_now(&self) -> Vec<Arc<Entry>> {
        self.entries
            .iter()
            .map(|entry| Arc::clone(&entry))
            .collect()
    }
}
