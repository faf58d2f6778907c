//! The task that keeps the lists fresh.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::lag_monitor::LagMonitor;
use super::queue::{ScheduledFetch, Target};
use super::rate_limits::{self, Charge, Force};
use crate::cause;
use crate::heroku::Urgency;
use crate::meter::{self, Gauges};
use crate::store::Work;
use crate::sync::SyncError;
use crate::sync::cluster::follow::follow;
use crate::sync::directory::Directory;
use crate::sync::lists::list_event::ListEvent;
use crate::sync::settings::RatePools;

/// The number of concurrent fetches.
const CONCURRENCY: usize = 16;
/// The pause for a target whose lease another process holds.
const ELSEWHERE: Duration = Duration::from_secs(5);
/// How long until a store that did not answer is asked again.
const STORE_RETRY: Duration = Duration::from_secs(5);
/// How often the sync reports its state.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// The running sync. Stops when this is dropped.
#[derive(Debug)]
#[must_use = "dropping this stops the sync, and `let _ = …` drops it immediately: use `let _sync = …`"]
pub struct SyncHandle {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl SyncHandle {
    /// Stops the sync and waits for the fetches in progress.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        // The task has ended or panicked; in either case there is nothing to stop.
        let _ = self.task.await;
    }

    /// True while the sync runs.
    pub fn is_alive(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Directory {
    /// Starts the sync on the current Tokio runtime.
    pub(crate) fn spawn_sync(self: &Arc<Self>) -> SyncHandle {
        let (stop, mut stopped) = watch::channel(false);
        let directory = Arc::clone(self);
        // Also for requests that come before the task begins.
        directory.backlog.note_loading(true);
        let task = tokio::spawn(async move {
            let mut sync = Worker::new(Arc::clone(&directory));
            tokio::select! {
                // Also if the handle was dropped.
                _ = stopped.wait_for(|stop| *stop) => {}
                () = sync.run() => {}
                () = follow(directory) => {}
            }
            sync.requeue();
            sync.directory.end_loading();
            while sync.fetches.join_next().await.is_some() {}
        });
        SyncHandle { stop, task }
    }
}

struct Worker {
    directory: Arc<Directory>,
    /// Targets that are due and not fetched yet: lists with requests, and lists that have changed according
    /// to Heroku.
    in_use: VecDeque<ScheduledFetch>,
    /// Lists in use without a recent request.
    quiet: VecDeque<ScheduledFetch>,
    idle: VecDeque<ScheduledFetch>,
    fetches: JoinSet<()>,
    lateness: LagMonitor,
}

impl Worker {
    fn new(directory: Arc<Directory>) -> Self {
        let lateness = LagMonitor::new(directory.settings());
        Self {
            directory,
            in_use: VecDeque::new(),
            quiet: VecDeque::new(),
            idle: VecDeque::new(),
            fetches: JoinSet::new(),
            lateness,
        }
    }

    async fn run(&mut self) {
        let directory = Arc::clone(&self.directory);
        let clock = directory.clock();
        let schedule = Arc::clone(&directory.schedule);
        let _taker = schedule.taker();
        let mut load_at = Some(Duration::ZERO);
        let mut report_at = Duration::ZERO;
        loop {
            let now = clock.elapsed();
            if load_at.is_some_and(|at| at <= now) {
                let loaded = load(&directory).await;
                if loaded {
                    directory.end_loading();
                }
                load_at = (!loaded).then(|| clock.elapsed() + STORE_RETRY);
            }
            let paced = self.dispatch();
            if report_at <= now {
                report_at = now + REPORT_EVERY;
                self.report();
            }
            let wake_at = [load_at, paced, schedule.next_at()].into_iter().flatten();
            let wake_at = wake_at.fold(report_at, Duration::min);
            tokio::select! {
                () = clock.sleep(wake_at.saturating_sub(clock.elapsed())) => {}
                () = schedule.earlier() => {}
                Some(_) = self.fetches.join_next() => {}
            }
        }
    }

    /// Starts fetches that are due, the most urgent first, while there are free slots. Returns when to
    /// continue if the rate limit delays them.
    fn dispatch(&mut self) -> Option<Duration> {
        let now = self.directory.clock().elapsed();
        while let Some(due) = self.directory.schedule.take(now) {
            let condition = self.directory.condition(&due.subject);
            let urgency = condition.map_or(Urgency::Idle, |condition| condition.urgency());
            self.queue(urgency).push_back(due);
        }
        while self.fetches.len() < CONCURRENCY {
            let (due, urgency) = self.next(now)?;
            if !due.is_current() {
                continue;
            }
            let wait = self.directory.pace(&due.subject, urgency);
            if !wait.is_zero() && self.directory.settings().rate_pools == RatePools::Shared {
                // All other targets would wait as well.
                self.queue(urgency).push_front(due);
                return Some(now + wait);
            }
            if due.claim() {
                self.start(due.subject, wait);
            }
        }
        None
    }

    /// After waiting this long for its turn, an idle list goes first, so that it is fetched before its
    /// interval is over.
    fn late_after(&self) -> Duration {
        self.directory.settings().idle_interval / 20
    }

    fn queue(&mut self, urgency: Urgency) -> &mut VecDeque<ScheduledFetch> {
        match urgency {
            Urgency::Now | Urgency::InUse | Urgency::Forced => &mut self.in_use,
            Urgency::Quiet => &mut self.quiet,
            Urgency::Late | Urgency::Idle => &mut self.idle,
        }
    }

    /// The most urgent target that is due.
    fn next(&mut self, now: Duration) -> Option<(ScheduledFetch, Urgency)> {
        if let Some(due) = self.in_use.pop_front() {
            return Some((due, Urgency::InUse));
        }
        if let Some(due) = self.quiet.pop_front() {
            return Some((due, Urgency::Quiet));
        }
        let due = self.idle.pop_front()?;
        let is_late = now.saturating_sub(due.at()) > self.late_after();
        let urgency = if is_late {
            Urgency::Late
        } else {
            Urgency::Idle
        };
        Some((due, urgency))
    }

    fn start(&mut self, subject: Target, pace: Duration) {
        let directory = Arc::clone(&self.directory);
        let now = directory.clock().elapsed();
        let wait = match directory.due_in(&subject) {
            Some(wait) => wait.max(pace),
            None => return,
        };
        let may_start = wait.is_zero() && directory.pays_for(&subject);
        if !may_start {
            let again = wait.max(Duration::from_millis(1));
            directory.schedule.put(subject, now + again);
            return;
        }
        self.fetches.spawn(async move {
            let work = match &subject {
                Target::Resource(entry) => Work::List(entry.id),
                Target::Team(team) => Work::Members(team.id.clone()),
            };
            let fetch = directory.fetch_if_still_due(&subject);
            match directory.leased(work, fetch).await {
                // A completed fetch has rescheduled the target; this is for a fetch that was cut off.
                Ok(Some(())) => directory.plan(&subject),
                // Another process holds the lease and will announce the result. If it died, the retry takes
                // over.
                Ok(None) => directory.schedule.put(subject, now + ELSEWHERE),
                Err(error) => {
                    tracing::warn!(%error, cause = cause::of(&error), "no lease acquired; retrying");
                    directory.schedule.put(subject, now + ELSEWHERE);
                }
            }
        });
    }

    /// Puts targets that were not started back into the schedule, for another consumer, now or later.
    fn requeue(&mut self) {
        let schedule = &self.directory.schedule;
        let in_use = self.in_use.drain(..).chain(self.quiet.drain(..));
        for due in in_use.chain(self.idle.drain(..)) {
            if due.claim() {
                let at = due.at();
                schedule.put(due.subject, at);
            }
        }
    }

    fn report(&mut self) {
        let directory = &self.directory;
        let waiting =
            |queue: &VecDeque<ScheduledFetch>| queue.iter().filter(|due| due.is_current()).count();
        let due_in_use = waiting(&self.in_use) + waiting(&self.quiet);
        let due_idle = waiting(&self.idle);
        let now = directory.clock().elapsed();
        let in_use = [self.in_use.front(), self.quiet.front()];
        let in_use = in_use.into_iter().flatten().min_by_key(|due| due.at());
        self.lateness.look(in_use, self.idle.front(), now);
        if !directory.backlog.is_loading() {
            self.lateness
                .initial_sync(|| directory.lists_missing(), now);
        }
        let behind = self.lateness.is_behind();
        directory.backlog.note(due_in_use + due_idle, behind);
        let health = directory.health();
        meter::set(&Gauges {
            resources: health.resources,
            in_use: health.in_use,
            without_list: health.without_list,
            needing_grant: health.needing_grant,
            dormant: health.dormant,
            oldest_list: health.oldest_list,
            oldest_in_use: health.oldest_in_use,
            due_in_use,
            due_idle,
            behind,
            calls_left: health.calls_left,
            clock_drift_seconds: health.clock_drift_seconds,
        });
    }
}

impl Directory {
    fn end_loading(&self) {
        self.backlog.note_loading(false);
        self.announce(ListEvent::Loaded);
    }

    /// Fetches the target if it is still due: another process may have fetched it in the meantime.
    async fn fetch_if_still_due(self: &Arc<Self>, subject: &Target) {
        if self.store.shared().is_some() {
            let caught_up = match subject {
                Target::Resource(entry) => self.reload_resource(&entry.id).await,
                Target::Team(team) => {
                    let caught_up = self.reload_team(&team.id).await;
                    caught_up.map_err(SyncError::from)
                }
            };
            if let Err(error) = caught_up {
                tracing::warn!(
                    %error, cause = cause::of(&error),
                    "store could not be read before a fetch; fetching anyway"
                );
            }
            if self.due_in(subject).is_none_or(|wait| !wait.is_zero()) {
                return;
            }
        }
        self.fetch_subject(subject).await;
    }

    /// Errors are logged where they occur, and the fetch is retried when it is due.
    async fn fetch_subject(self: &Arc<Self>, subject: &Target) {
        let Some(condition) = self.condition(subject) else {
            return;
        };
        match subject {
            Target::Resource(entry) => {
                let interval = self.interval_of(&condition);
                match self.fetch_in_turn(entry, interval).await {
                    Ok(_) => self.subscribe(entry).await,
                    // The task panicked, and may do so again.
                    Err(error @ SyncError::Interrupted) => self.note_failure(entry, &error),
                    Err(_) => {}
                }
            }
            Target::Team(team) => {
                if let Err(SyncError::Interrupted) = self.ask_members_in_turn(team).await {
                    team.state().attempts.note_failure(self.clock.elapsed());
                }
            }
        }
    }

    /// A fetch that only a webhook asks for draws on the budgets.
    fn pays_for(&self, subject: &Target) -> bool {
        let Target::Resource(entry) = subject else {
            return true;
        };
        let forced = entry.progress().forced_at.is_some();
        if !forced || self.is_due_by_age(subject) {
            return true;
        }
        rate_limits::pay(self, entry, Charge::Forced(Force::Change)).is_ok()
    }
}

/// Loads every resource in the store. False if the store did not answer.
async fn load(directory: &Arc<Directory>) -> bool {
    // Resources in memory first: they are available whatever the store answers.
    for entry in directory.entries_now() {
        directory.plan(&Target::Resource(entry));
    }
    for team in directory.teams.all() {
        directory.plan(&Target::Team(team));
    }
    if let Err(error) = directory.load_all().await {
        tracing::warn!(
            %error, cause = cause::of(&error),
            "resources could not be read from the store; retrying"
        );
        return false;
    }
    true
}
