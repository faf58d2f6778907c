//! Whether the sync keeps up, and how far the initial sync has come.

use std::time::Duration;

use super::queue::ScheduledFetch;
use crate::sync::settings::SyncSettings;

/// Fetches are due 10 to 30 % before their interval ends. One that has waited longer than that is late.
const SLACK: f64 = 0.3;
/// How often a continuing lag is logged again.
const LOG_INTERVAL: Duration = Duration::from_secs(600);
/// The first lists of a smaller fleet arrive too quickly for a progress report.
const LARGE_FLEET: usize = 100;

/// Logs when lists lag, because of the rate limit or the number of concurrent fetches, and when they have
/// caught up. Also logs the progress of a large fleet's initial sync.
#[derive(Debug)]
pub(in crate::sync) struct LagMonitor {
    refresh_interval: Duration,
    idle_interval: Duration,
    lagging: bool,
    logged_at: Duration,
    initial_sync: InitialSync,
}

#[derive(Debug)]
enum InitialSync {
    NotBegun,
    Running { total: usize, since: Duration },
    Over,
}

impl LagMonitor {
    pub(in crate::sync) fn new(settings: &SyncSettings) -> Self {
        Self {
            refresh_interval: settings.refresh_interval,
            idle_interval: settings.idle_interval,
            lagging: false,
            logged_at: Duration::ZERO,
            initial_sync: InitialSync::NotBegun,
        }
    }

    pub(in crate::sync) fn is_lagging(&self) -> bool {
        self.lagging
    }

    /// Checks whether lists lag, by the target that has waited longest: of those in use, and of the others.
    pub(in crate::sync) fn check_lag(
        &mut self,
        in_use: Option<&ScheduledFetch>,
        idle: Option<&ScheduledFetch>,
        now: Duration,
    ) {
        let late = |due: Option<&ScheduledFetch>, interval: Duration| {
            let waited = now.saturating_sub(due?.at());
            (waited > interval.mul_f64(SLACK)).then_some(waited)
        };
        let in_use = late(in_use, self.refresh_interval);
        let idle = late(idle, self.idle_interval);
        let was_lagging = std::mem::replace(&mut self.lagging, in_use.is_some() || idle.is_some());
        let is_due = !was_lagging || now >= self.logged_at + LOG_INTERVAL;
        if self.lagging && is_due {
            self.logged_at = now;
            tracing::error!(
                event = "sync_lagging",
                late_in_use_seconds = in_use.map(|late| late.as_secs()),
                late_idle_seconds = idle.map(|late| late.as_secs()),
                "lists cannot be refreshed within their intervals at heroku's rate limit: \
                 make refresh_interval or idle_interval longer, or use sync_only_in_use"
            );
        }
        if was_lagging && !self.lagging {
            tracing::info!(
                event = "sync_caught_up",
                "lists are refreshed within their intervals again"
            );
        }
    }

    /// Records how many resources have no list yet. `missing` is called only until the initial sync is over.
    pub(in crate::sync) fn initial_sync(&mut self, missing: impl FnOnce() -> usize, now: Duration) {
        match self.initial_sync {
            InitialSync::Over => {}
            InitialSync::NotBegun => {
                let total = missing();
                if total < LARGE_FLEET {
                    self.initial_sync = InitialSync::Over;
                    return;
                }
                self.initial_sync = InitialSync::Running { total, since: now };
                tracing::info!(
                    event = "initial_sync",
                    fetched = 0,
                    total,
                    "initial sync started: fetching the first lists"
                );
            }
            InitialSync::Running { total, since } => {
                let missing = missing();
                let fetched = total.saturating_sub(missing);
                let seconds = now.saturating_sub(since).as_secs();
                tracing::info!(
                    event = "initial_sync",
                    fetched,
                    total,
                    seconds,
                    "initial sync progress"
                );
                if missing == 0 {
                    self.initial_sync = InitialSync::Over;
                }
            }
        }
    }
}
