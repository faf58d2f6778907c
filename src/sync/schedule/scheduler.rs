//! When each list is fetched next, given its state. [`due_in`] is the rule.

use std::sync::{Arc, Once};
use std::time::Duration;

use super::backlog::Backlog;
use super::next_fetch::{Intervals, ListState, due_in};
use super::queue::{Queue, Target};
use super::rate_limits::{Charge, RateLimits};
use crate::clock::SharedClock;
use crate::heroku::{HerokuError, Urgency};
use crate::sync::SyncError;
use crate::sync::settings::SyncSettings;
use crate::sync::state::absence_mark::Question;
use crate::sync::state::entry::Entry;
use crate::sync::state::fetch_budgets::ForcedBy;
use crate::sync::state::team::TeamEntry;

/// Keeps the queue of lists and members to fetch.
#[derive(Debug)]
pub(in crate::sync) struct Scheduler {
    clock: SharedClock,
    settings: Arc<SyncSettings>,
    rate_limits: Arc<RateLimits>,
    queue: Arc<Queue>,
    backlog: Backlog,
    no_sync_warning: Once,
}

impl Scheduler {
    pub(in crate::sync) fn new(
        clock: SharedClock,
        settings: Arc<SyncSettings>,
        rate_limits: Arc<RateLimits>,
    ) -> Self {
        Self {
            clock,
            settings,
            rate_limits,
            queue: Arc::default(),
            backlog: Backlog::default(),
            no_sync_warning: Once::new(),
        }
    }

    pub(in crate::sync) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    pub(in crate::sync) fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    pub(in crate::sync) fn rate_limits(&self) -> &Arc<RateLimits> {
        &self.rate_limits
    }

    /// True while a background sync runs.
    pub(in crate::sync) fn is_sync_running(&self) -> bool {
        self.queue.has_consumer()
    }

    /// Warns once that no sync runs. Otherwise this mistake shows only when a session ends too early or too
    /// late.
    pub(in crate::sync) fn warn_of_no_sync(&self) {
        if !self.is_sync_running() {
            self.no_sync_warning.call_once(|| {
                tracing::warn!(
                    "no sync runs: lists go stale, and removals and revocations of other processes are \
                     missed. Keep the handle that `sso.spawn_sync()` returns"
                );
            });
        }
    }

    /// Schedules the target, if it is to be fetched at all.
    pub(in crate::sync) fn plan(&self, target: &Target) {
        if !self.is_sync_running() {
            return;
        }
        if let Some(wait) = self.due_in(target) {
            self.queue.put(target.clone(), self.clock.elapsed() + wait);
        }
    }

    pub(in crate::sync) fn plan_resource(&self, entry: &Arc<Entry>) {
        self.plan(&Target::Resource(Arc::clone(entry)));
    }

    pub(in crate::sync) fn plan_team(&self, team: &Arc<TeamEntry>) {
        self.plan(&Target::Team(Arc::clone(team)));
    }

    /// Records that a resource's list could not be fetched, and schedules the next try.
    pub(in crate::sync) fn note_failure(&self, entry: &Arc<Entry>, error: &SyncError) {
        let mut progress = entry.progress();
        progress.note_failure(self.clock.elapsed(), error);
        progress.blocked = matches!(
            error,
            SyncError::NeedsGrant
                | SyncError::NoTokens
                | SyncError::Heroku(HerokuError::GrantRefused(_))
        );
        drop(progress);
        self.plan_resource(entry);
    }

    /// How long until the target is due; none for never.
    pub(in crate::sync) fn due_in(&self, target: &Target) -> Option<Duration> {
        let state = self.state_of(target)?;
        due_in(state, self.intervals(), self.clock.elapsed())
    }

    /// Charges a fetch that is due only because of a webhook. False if the budgets do not allow it now; true
    /// without a charge for any other fetch.
    pub(in crate::sync) fn may_fetch(&self, target: &Target) -> bool {
        let Target::Resource(entry) = target else {
            return true;
        };
        let is_forced = {
            let progress = entry.progress();
            progress.noted().forced_at.is_some() || progress.has_attached_hint()
        };
        if !is_forced || self.is_due_by_age(target) {
            return true;
        }
        let charge = Charge::Forced(ForcedBy::Webhook);
        self.rate_limits.charge(entry, charge).is_ok()
    }

    /// True if the target is due by its age, whatever webhooks say.
    fn is_due_by_age(&self, target: &Target) -> bool {
        let state = self.state_of(target).map(|state| ListState {
            forced_in: None,
            ..state
        });
        let wait = state.and_then(|state| due_in(state, self.intervals(), self.clock.elapsed()));
        wait.is_some_and(|wait| wait.is_zero())
    }

    /// True if the list already waits in the queue with the highest priority. Scheduling it again would cost
    /// it its place.
    pub(in crate::sync) fn is_waiting(&self, entry: &Arc<Entry>) -> bool {
        let target = Target::Resource(Arc::clone(entry));
        let goes_first = |state: ListState| state.urgency() == Urgency::InUse;
        target.is_queued()
            && self.state_of(&target).is_some_and(goes_first)
            && self.due_in(&target).is_some_and(|wait| wait.is_zero())
    }

    /// None for a resource that has ended.
    pub(in crate::sync) fn state_of(&self, target: &Target) -> Option<ListState> {
        match target {
            Target::Resource(entry) => self.state_of_resource(entry),
            Target::Team(team) => self.state_of_team(team),
        }
    }

    fn state_of_resource(&self, entry: &Entry) -> Option<ListState> {
        let now = self.clock.elapsed();
        let age = entry.list().map(|list| list.own_age(&self.clock));
        let limits = &self.rate_limits;
        let mut progress = entry.progress();
        if progress.ended {
            return None;
        }
        let is_forced = progress.noted().forced_at.is_some();
        let is_attached_forced = progress.has_attached_hint();
        let forced_in = (is_forced || is_attached_forced).then(|| {
            let wait = limits.wait_for(entry, &mut progress, ForcedBy::Webhook);
            match is_forced {
                true => wait,
                // The rest of the list was fetched; attached apps have budgets and retries of their own.
                false => limits
                    .wait_for_attached(entry, &mut progress, ForcedBy::Webhook)
                    .max(progress.attached_back_off(now))
                    .max(wait),
            }
        });
        let token_ends_at = entry
            .token_ends_at()
            .filter(|_| progress.noted().grant_refused.is_none());
        // Only a retry after a temporary error is scheduled. Any other try follows a fetch of the list.
        let noted = progress.noted();
        let subscribe_at = noted.subscribe_at;
        let subscribe_at = subscribe_at.filter(|_| noted.subscribe_failures > 0);
        Some(ListState {
            in_use: entry.is_in_use(self.settings.in_use_for, now),
            requested: entry.used_within(self.settings.refresh_interval, now),
            age,
            attempts: progress.attempts(),
            forced_in,
            token_ends_in: token_ends_at.map(|at| at.saturating_sub(now)),
            subscribe_in: subscribe_at.map(|at| at.saturating_sub(now)),
            blocked: progress.blocked,
            is_scarce: limits.pool(entry).is_scarce(now),
            question: progress
                .noted()
                .mark
                .map_or(Question::OnSchedule, |mark| mark.question(now)),
        })
    }

    fn state_of_team(&self, team: &TeamEntry) -> Option<ListState> {
        let (settings, now) = (&self.settings, self.clock.elapsed());
        let state = team.state();
        let resources = state.resources();
        if resources.is_empty() {
            return None;
        }
        let any = |is_so: &dyn Fn(&Entry) -> bool| resources.iter().any(|entry| is_so(entry));
        Some(ListState {
            in_use: any(&|entry| entry.is_in_use(settings.in_use_for, now)),
            requested: any(&|entry| entry.used_within(settings.refresh_interval, now)),
            age: state.age(&self.clock),
            attempts: state.attempts,
            forced_in: None,
            token_ends_in: None,
            subscribe_in: None,
            blocked: false,
            is_scarce: self.rate_limits.is_scarce_for_teams(),
            question: Question::OnSchedule,
        })
    }

    /// How old a team's members may be in a list of this state.
    pub(in crate::sync) fn members_age(&self, state: &ListState) -> Duration {
        match state.in_use {
            true => self.settings.refresh_interval,
            false => self.settings.idle_interval,
        }
    }

    fn intervals(&self) -> Intervals {
        Intervals {
            refresh: self.settings.refresh_interval,
            idle: self.settings.idle_interval,
            scope: self.settings.scope,
            longest_block: self.settings.longest_block(),
        }
    }
}
