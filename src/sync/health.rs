//! The state of all lists together.

use std::time::Duration;

use time::Duration as SignedDuration;

use super::lists::list_cache::ListCache;
use super::settings::SyncSettings;
use crate::clock::SharedClock;
use crate::meter::ResourceStates;
use crate::store::StoreError;

/// The state of all lists of this process, for health checks and dashboards.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Health {
    /// Why the store does not answer; none if it does.
    pub store_error: Option<StoreError>,
    /// Resources in memory.
    pub resources: usize,
    /// How many of them have no list yet.
    pub without_list: usize,
    /// How many are in use: they had a gated request within the last
    /// [`in_use_for`](crate::HerokuSsoBuilder::in_use_for), or have a response that is still being read.
    pub in_use: usize,
    /// How many of them need a new grant, because Heroku refused their refresh token.
    pub needing_grant: usize,
    /// How many are dormant: Heroku has reported them as missing, or has refused their grant, for some time.
    pub dormant: usize,
    /// Age of the oldest list; none if there is no list. The list of a resource that is not in use is usually
    /// as old as `idle_interval` at most, and older if it cannot be fetched.
    pub oldest_list: Option<Duration>,
    /// Age of the oldest list of a resource in use.
    pub oldest_in_use: Option<Duration>,
    /// True while a sync runs that [`HerokuSso::spawn_sync`](crate::HerokuSso::spawn_sync) started.
    pub sync_alive: bool,
    /// True if every resource in use has a list that is no older than `max_list_age`. Without such a list, a
    /// resource admits no user.
    pub fresh: bool,
    /// Lists and teams that are due, and wait for their turn or for Heroku's rate limit. As of the sync's
    /// last report, which it makes every 10 seconds. Zero while no sync runs.
    pub due: usize,
    /// True if lists are not refreshed within their intervals, because the rate limit or the number of
    /// concurrent fetches does not allow it. As of the sync's last report. False while no sync runs.
    pub lagging: bool,
    /// The calls that Heroku's rate limit still allows, by its last answer and the refill since. None before
    /// the first answer, and under [`rate_limit_per_token`](crate::HerokuSsoBuilder::rate_limit_per_token).
    pub calls_left: Option<u32>,
    /// Seconds that Heroku's clock is ahead of ours (behind, if negative), by its last answer.
    pub clock_drift_seconds: Option<i64>,
}

/// [`Health`], and what only the metrics report.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) health: Health,
    pub(super) states: ResourceStates,
    /// Age of the oldest list of a resource that is not in use.
    pub(super) oldest_idle: Option<Duration>,
}

/// Reads every resource in memory. `drift` is how far Heroku's clock is ahead of ours.
pub(super) fn survey(
    lists: &ListCache,
    settings: &SyncSettings,
    clock: &SharedClock,
    drift: Option<SignedDuration>,
) -> Survey {
    let scheduler = lists.scheduler();
    let (now, backlog) = (clock.elapsed(), scheduler.backlog());
    let sync_alive = scheduler.is_sync_running();
    let mut health = Health {
        fresh: true,
        sync_alive,
        // A sync that has stopped reports no more.
        due: if sync_alive { backlog.due() } else { 0 },
        lagging: sync_alive && backlog.is_lagging(),
        calls_left: scheduler.rate_limits().calls_left(),
        clock_drift_seconds: drift.map(SignedDuration::whole_seconds),
        ..Health::default()
    };
    let (mut states, mut oldest_idle) = (ResourceStates::default(), None);
    for entry in lists.all() {
        let is_dormant = entry.is_dormant();
        let needs_grant = entry.progress().noted().grant_refused.is_some();
        let in_use = entry.is_in_use(settings.in_use_for, now);
        let age = entry.list().map(|list| list.age(clock));
        let state = match age {
            _ if is_dormant => &mut states.dormant,
            _ if needs_grant => &mut states.needing_grant,
            None => &mut states.without_list,
            Some(_) if in_use => &mut states.in_use,
            Some(_) => &mut states.idle,
        };
        *state += 1;
        health.resources += 1;
        health.dormant += usize::from(is_dormant);
        health.needing_grant += usize::from(needs_grant);
        health.in_use += usize::from(in_use);
        let Some(age) = age else {
            health.without_list += 1;
            health.fresh &= !in_use;
            continue;
        };
        health.oldest_list = health.oldest_list.max(Some(age));
        if in_use {
            health.oldest_in_use = health.oldest_in_use.max(Some(age));
            health.fresh &= age <= settings.max_list_age;
        } else {
            oldest_idle = oldest_idle.max(Some(age));
        }
    }
    Survey {
        health,
        states,
        oldest_idle,
    }
}
