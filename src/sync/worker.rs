//! The task that keeps the lists fresh.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::Work;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::SyncError;
use super::cluster::closed_sessions::ClosedSessions;
use super::cluster::coordinator::Coordinator;
use super::cluster::follow::follow;
use super::fetch::fetcher::Fetcher;
use super::fetch::webhook_subscription::subscribe;
use super::health::{self, Health, Survey};
use super::lists::list_cache::ListCache;
use super::lists::list_event::ListEvent;
use super::schedule::lag_monitor::LagMonitor;
use super::schedule::queue::{ScheduledFetch, Target};
use super::schedule::scheduler::Scheduler;
use super::settings::{RatePools, STORE_RETRY, SyncSettings};
use super::tokens::token_manager::TokenManager;
use crate::clock::SharedClock;
use crate::error_chain;
use crate::heroku::{HerokuClient, Urgency};
use crate::meter::{self, Gauges};

/// The number of concurrent fetches.
const CONCURRENCY: usize = 16;
/// The pause before a target is tried again if another process holds its lease.
const LEASE_HELD_RETRY: Duration = Duration::from_secs(5);
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
    /// Stops the sync. Waits for the fetches, renewals of tokens and registrations in progress, those of
    /// requests included. Then stores renewed tokens that the store could not take before. Call it after the
    /// server has shut down.
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

/// Starts the sync on the current Tokio runtime.
pub(super) fn spawn(context: SyncContext, closed_sessions: Arc<ClosedSessions>) -> SyncHandle {
    let (stop, mut stopped) = watch::channel(false);
    // Also for requests that come before the task begins.
    context.scheduler().backlog().note_loading(true);
    let coordinator = Arc::clone(&context.coordinator);
    let task = tokio::spawn(async move {
        let mut sync = Worker::new(context);
        tokio::select! {
            // Also if the handle was dropped.
            _ = stopped.wait_for(|stop| *stop) => {}
            () = sync.run() => {}
            () = follow(coordinator, closed_sessions) => {}
        }
        sync.requeue();
        sync.context.end_loading();
        while sync.fetches.join_next().await.is_some() {}
        sync.context.coordinator.tasks().done().await;
        sync.context.tokens.store_pending().await;
    });
    SyncHandle { stop, task }
}

/// What the sync works with.
#[derive(Clone)]
pub(super) struct SyncContext {
    pub(super) settings: Arc<SyncSettings>,
    pub(super) client: Arc<HerokuClient>,
    pub(super) lists: Arc<ListCache>,
    pub(super) coordinator: Arc<Coordinator>,
    pub(super) fetcher: Arc<Fetcher>,
    pub(super) tokens: Arc<TokenManager>,
}

struct Worker {
    context: SyncContext,
    /// Targets that are due and not fetched yet: lists with requests, and lists that have changed according
    /// to Heroku.
    in_use: VecDeque<ScheduledFetch>,
    /// Lists in use without a recent request.
    quiet: VecDeque<ScheduledFetch>,
    idle: VecDeque<ScheduledFetch>,
    fetches: JoinSet<()>,
    lag_monitor: LagMonitor,
}

impl Worker {
    fn new(context: SyncContext) -> Self {
        let lag_monitor = LagMonitor::new(&context.settings);
        Self {
            context,
            in_use: VecDeque::new(),
            quiet: VecDeque::new(),
            idle: VecDeque::new(),
            fetches: JoinSet::new(),
            lag_monitor,
        }
    }

    async fn run(&mut self) {
        let context = self.context.clone();
        let (clock, queue) = (context.clock(), Arc::clone(context.scheduler().queue()));
        let _consumer = queue.consume();
        let mut load_at = Some(Duration::ZERO);
        let mut report_at = Duration::ZERO;
        loop {
            let now = clock.elapsed();
            if load_at.is_some_and(|at| at <= now) {
                let loaded = load(&context).await;
                if loaded {
                    context.end_loading();
                }
                load_at = (!loaded).then(|| clock.elapsed() + STORE_RETRY);
            }
            let paced = self.dispatch();
            if report_at <= now {
                report_at = now + REPORT_EVERY;
                self.report();
            }
            let wake_at = [load_at, paced, queue.next_at()].into_iter().flatten();
            let wake_at = wake_at.fold(report_at, Duration::min);
            tokio::select! {
                () = clock.sleep(wake_at.saturating_sub(clock.elapsed())) => {}
                () = queue.earlier() => {}
                Some(_) = self.fetches.join_next() => {}
            }
        }
    }

    /// Starts fetches that are due, the most urgent first, while there are free slots. Returns when to
    /// continue if the rate limit delays them.
    fn dispatch(&mut self) -> Option<Duration> {
        let now = self.context.clock().elapsed();
        while let Some(due) = self.context.scheduler().queue().take(now) {
            let state = self.context.scheduler().state_of(&due.target);
            let urgency = state.map_or(Urgency::Idle, |state| state.urgency());
            self.queue(urgency).push_back(due);
        }
        while self.fetches.len() < CONCURRENCY {
            let (due, urgency) = self.next(now)?;
            if !due.is_current() {
                continue;
            }
            let wait = self.context.delay(&due.target, urgency);
            if !wait.is_zero() && self.context.settings.rate_pools == RatePools::Shared {
                // All other targets would wait as well.
                self.queue(urgency).push_front(due);
                return Some(now + wait);
            }
            if due.claim() {
                self.start(due.target, wait);
            }
        }
        None
    }

    /// An idle list that has waited this long may use more of the rate limit ([`Urgency::Late`]), so that it
    /// is fetched before its interval is over.
    fn late_after(&self) -> Duration {
        self.context.settings.idle_interval / 20
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

    fn start(&mut self, target: Target, delay: Duration) {
        let context = self.context.clone();
        let now = context.clock().elapsed();
        let wait = match context.scheduler().due_in(&target) {
            Some(wait) => wait.max(delay),
            None => return,
        };
        let may_start = wait.is_zero() && context.scheduler().may_fetch(&target);
        if !may_start {
            let again = wait.max(Duration::from_millis(1));
            context.scheduler().queue().put(target, now + again);
            return;
        }
        self.fetches.spawn(async move {
            let work = match &target {
                Target::Resource(entry) => Work::List(entry.id),
                Target::Team(team) => Work::Members(team.id.clone()),
            };
            let scheduler = context.scheduler();
            let fetch = fetch_if_still_due(&context, &target);
            match context.coordinator.leased(work, fetch).await {
                // A completed fetch has rescheduled the target; this is for a fetch that was cut off.
                Ok(Some(())) => scheduler.plan(&target),
                // Another process holds the lease and will announce the result. If it died, the retry takes
                // over.
                Ok(None) => scheduler.queue().put(target, now + LEASE_HELD_RETRY),
                Err(error) => {
                    tracing::warn!(%error, cause = error_chain::of(&error), "no lease acquired; retrying");
                    scheduler.queue().put(target, now + LEASE_HELD_RETRY);
                }
            }
        });
    }

    /// Puts targets that were not started back into the schedule, for another consumer, now or later.
    fn requeue(&mut self) {
        let queue = Arc::clone(self.context.scheduler().queue());
        let in_use = self.in_use.drain(..).chain(self.quiet.drain(..));
        for due in in_use.chain(self.idle.drain(..)) {
            if due.claim() {
                let at = due.at();
                queue.put(due.target, at);
            }
        }
    }

    fn report(&mut self) {
        let context = self.context.clone();
        let backlog = context.scheduler().backlog();
        let waiting =
            |queue: &VecDeque<ScheduledFetch>| queue.iter().filter(|due| due.is_current()).count();
        let due_in_use = waiting(&self.in_use) + waiting(&self.quiet);
        let due_idle = waiting(&self.idle);
        let now = context.clock().elapsed();
        let in_use = [self.in_use.front(), self.quiet.front()];
        let in_use = in_use.into_iter().flatten().min_by_key(|due| due.at());
        self.lag_monitor.check_lag(in_use, self.idle.front(), now);
        if !backlog.is_loading() {
            self.lag_monitor
                .initial_sync(|| context.lists_missing(), now);
        }
        let lagging = self.lag_monitor.is_lagging();
        backlog.note(due_in_use + due_idle, lagging);
        let survey = context.survey();
        let health = &survey.health;
        meter::set(&Gauges {
            resources: survey.states,
            oldest_in_use: health.oldest_in_use,
            oldest_idle: survey.oldest_idle,
            due_in_use,
            due_idle,
            lagging,
            calls_left: health.calls_left,
            clock_drift_seconds: health.clock_drift_seconds,
        });
    }
}

impl SyncContext {
    fn clock(&self) -> &SharedClock {
        self.coordinator.clock()
    }

    fn scheduler(&self) -> &Scheduler {
        self.lists.scheduler()
    }

    fn delay(&self, target: &Target, urgency: Urgency) -> Duration {
        self.scheduler().rate_limits().delay(target, urgency)
    }

    fn lists_missing(&self) -> usize {
        let entries = self.lists.all().into_iter();
        entries.filter(|entry| entry.list().is_none()).count()
    }

    pub(super) fn health(&self) -> Health {
        self.survey().health
    }

    fn survey(&self) -> Survey {
        let drift = self.client.clock_drift();
        health::survey(&self.lists, &self.settings, self.clock(), drift)
    }

    fn end_loading(&self) {
        self.scheduler().backlog().note_loading(false);
        self.lists.events().send(ListEvent::Loaded);
    }
}

/// Fetches the target if it is still due: another process may have fetched it in the meantime.
async fn fetch_if_still_due(context: &SyncContext, target: &Target) {
    let coordinator = &context.coordinator;
    if coordinator.is_shared() {
        let reloaded = match target {
            Target::Resource(entry) => coordinator.reload_resource(&entry.id).await,
            Target::Team(team) => {
                let reloaded = coordinator.reload_team(&team.id).await;
                reloaded.map_err(SyncError::from)
            }
        };
        if let Err(error) = reloaded {
            tracing::warn!(
                %error, cause = error_chain::of(&error),
                "store could not be read before a fetch; fetching anyway"
            );
        }
        let due_in = context.scheduler().due_in(target);
        if due_in.is_none_or(|wait| !wait.is_zero()) {
            return;
        }
    }
    fetch(context, target).await;
}

/// Errors are logged and noted where they occur, and the fetch is retried when it is due.
async fn fetch(context: &SyncContext, target: &Target) {
    let (scheduler, fetcher) = (context.scheduler(), &context.fetcher);
    let Some(before) = scheduler.state_of(target) else {
        return;
    };
    let fetched = match target {
        Target::Resource(entry) => {
            let members_age = scheduler.members_age(&before);
            fetcher.fetch_scheduled(entry, members_age).await.map(drop)
        }
        Target::Team(team) => fetcher.members().fetch_scheduled(team).await,
    };
    let is_noted = || {
        let after = scheduler.state_of(target);
        after.is_none_or(|after| after.attempts.failures != before.attempts.failures)
    };
    match (fetched, target) {
        (Ok(()), Target::Resource(entry)) => subscribe(fetcher, entry).await,
        // The task panicked before it could note a failure, and may do so again.
        (Err(error @ SyncError::Interrupted), target) if !is_noted() => match target {
            Target::Resource(entry) => scheduler.note_failure(entry, &error),
            Target::Team(team) => {
                let now = context.clock().elapsed();
                team.state().attempts.note_failure(now, &error);
            }
        },
        _ => {}
    }
}

/// Loads every resource in the store. False if the store did not answer.
async fn load(context: &SyncContext) -> bool {
    // Resources in memory first: they need no answer of the store.
    for entry in context.lists.all() {
        context.scheduler().plan_resource(&entry);
    }
    for team in context.lists.teams().all() {
        context.scheduler().plan_team(&team);
    }
    if let Err(error) = context.coordinator.load_all().await {
        tracing::warn!(
            %error, cause = error_chain::of(&error),
            "resources could not be read from the store; retrying"
        );
        return false;
    }
    true
}
