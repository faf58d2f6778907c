//! Whether the sync keeps up, and how far the initial sync has come.

use std::time::Duration;

use super::schedule::ScheduledFetch;
use super::settings::SyncSettings;

/// Fetches are due 10 to 30 % before their interval ends: one that has waited longer than that is
/// late.
const SLACK: f64 = 0.3;
/// How often it is said again.
const SAY_AGAIN: Duration = Duration::from_secs(600);
/// A smaller fleet is resolved before anybody asks how far it is.
const LARGE_FLEET: usize = 100;

/// Says when lists fall behind because the rate limit or the number of fetches at once does not
/// suffice, and when they have caught up.
#[derive(Debug)]
pub(super) struct LagMonitor {
    refresh_interval: Duration,
    idle_interval: Duration,
    behind: bool,
    said_at: Duration,
    initial_sync: InitialSync,
}

#[derive(Debug)]
enum InitialSync {
    NotBegun,
    Running { total: usize, since: Duration },
    Over,
}

impl LagMonitor {
    pub(super) fn new(settings: &SyncSettings) -> Self {
        Self {
            refresh_interval: settings.refresh_interval,
            idle_interval: settings.idle_interval,
            behind: false,
            said_at: Duration::ZERO,
            initial_sync: InitialSync::NotBegun,
        }
    }

    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Looks at what has waited longest, of the lists in use and of the others.
    pub(super) fn look(
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
        let was_behind = std::mem::replace(&mut self.behind, in_use.is_some() || idle.is_some());
        let say = !was_behind || now >= self.said_at + SAY_AGAIN;
        if self.behind && say {
            self.said_at = now;
            tracing::error!(
                event = "sync_behind",
                late_in_use_seconds = in_use.map(|late| late.as_secs()),
                late_idle_seconds = idle.map(|late| late.as_secs()),
                "lists cannot be refreshed within their intervals at the rate that heroku allows: \
                 make refresh_interval or idle_interval longer, or use SyncScope::Active"
            );
        }
        if was_behind && !self.behind {
            tracing::info!(
                event = "sync_caught_up",
                "lists are refreshed in time again"
            );
        }
    }

    /// Takes note of how many resources have no list yet; `missing` is asked only while it matters.
    pub(super) fn initial_sync(&mut self, missing: impl FnOnce() -> usize, now: Duration) {
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
                    "fetching the first lists"
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
                    "first lists"
                );
                if missing == 0 {
                    self.initial_sync = InitialSync::Over;
                }
            }
        }
    }
}
