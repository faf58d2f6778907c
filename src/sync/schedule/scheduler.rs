//! The state of each list, and when it is due.

use std::sync::Arc;
use std::time::Duration;

use super::policy::{ListState, due_in};
use super::queue::Target;
use super::rate_limits::{self, Force};
use crate::heroku::{HerokuError, RatePool, Urgency};
use crate::sync::SyncError;
use crate::sync::directory::Directory;
use crate::sync::lists::absence_mark::Question;
use crate::sync::lists::entry::Entry;
use crate::sync::lists::team::TeamEntry;
use crate::sync::settings::RatePools;

impl Directory {
    /// Records a request. It may make the resource's list and its team's members due earlier.
    pub(in crate::sync) fn touch(&self, entry: &Arc<Entry>) {
        self.touch_at(entry, self.clock.elapsed());
    }

    /// As [`touch`](Self::touch), with the current time supplied by the caller.
    pub(in crate::sync) fn touch_at(&self, entry: &Arc<Entry>, now: Duration) {
        if entry.touch(self.settings.in_use_for, now) {
            self.warn_of_no_sync();
            self.plan_with_team(entry);
        }
    }

    /// Schedules the resource's list and its team's members.
    pub(in crate::sync) fn plan_with_team(&self, entry: &Arc<Entry>) {
        self.plan(&Target::Resource(Arc::clone(entry)));
        let held = entry.held();
        let team = held.as_ref().and_then(|held| held.snapshot.team.as_ref());
        if let Some(team) = team.and_then(|team| self.teams.known(&team.id)) {
            self.plan(&Target::Team(team));
        }
    }

    /// Reports a configuration mistake that otherwise shows only when a session ends too early or too late.
    fn warn_of_no_sync(&self) {
        if !self.schedule.has_consumer() {
            self.no_sync.call_once(|| {
                tracing::warn!(
                    "no sync runs: lists go stale, and removals and revocations of other processes are \
                     missed. Keep the handle that `sso.spawn_sync()` returns"
                );
            });
        }
    }

    /// Schedules the target, if it is to be fetched at all.
    pub(in crate::sync) fn plan(&self, subject: &Target) {
        if !self.schedule.has_consumer() {
            return;
        }
        if let Some(wait) = self.due_in(subject) {
            self.schedule
                .put(subject.clone(), self.clock.elapsed() + wait);
        }
    }

    /// Records that a resource's list could not be fetched.
    pub(in crate::sync) fn note_failure(&self, entry: &Arc<Entry>, error: &SyncError) {
        let mut progress = entry.progress();
        progress.attempts.note_failure(self.clock.elapsed());
        progress.blocked = matches!(
            error,
            SyncError::NeedsGrant
                | SyncError::NoTokens
                | SyncError::Heroku(HerokuError::GrantRefused(_))
        );
        drop(progress);
        self.plan(&Target::Resource(Arc::clone(entry)));
    }

    /// How long until the target is due; none for never.
    pub(in crate::sync) fn due_in(&self, subject: &Target) -> Option<Duration> {
        let condition = self.condition(subject)?;
        due_in(condition, self.intervals(), self.clock.elapsed())
    }

    /// True if the target is due by its age, whatever webhooks say.
    pub(in crate::sync) fn is_due_by_age(&self, subject: &Target) -> bool {
        let condition = self.condition(subject).map(|condition| ListState {
            forced_in: None,
            ..condition
        });
        let wait = condition
            .and_then(|condition| due_in(condition, self.intervals(), self.clock.elapsed()));
        wait.is_some_and(|wait| wait.is_zero())
    }

    /// True if the list already waits in the queue with the highest priority. Scheduling it again would cost
    /// it its place.
    pub(in crate::sync) fn is_waiting(&self, entry: &Arc<Entry>) -> bool {
        let subject = Target::Resource(Arc::clone(entry));
        let goes_first = |condition: ListState| condition.urgency() == Urgency::InUse;
        subject.is_queued()
            && self.condition(&subject).is_some_and(goes_first)
            && self.due_in(&subject).is_some_and(|wait| wait.is_zero())
    }

    /// None for a resource that has ended.
    pub(in crate::sync) fn condition(&self, subject: &Target) -> Option<ListState> {
        match subject {
            Target::Resource(entry) => self.condition_of_resource(entry),
            Target::Team(team) => self.condition_of_team(team),
        }
    }

    fn condition_of_resource(&self, entry: &Entry) -> Option<ListState> {
        let now = self.clock.elapsed();
        let age = entry.held().map(|held| held.own_age(&self.clock));
        let mut progress = entry.progress();
        if progress.ended {
            return None;
        }
        let forced_in = progress.forced_at.is_some();
        let forced_in =
            forced_in.then(|| rate_limits::wait(self, entry, &mut progress, Force::Change));
        let token_ends_at = entry
            .token_ends_at()
            .filter(|_| progress.grant_refused.is_none());
        // The first subscription comes with the first list.
        let subscribe_at = progress.subscribe_at;
        let subscribe_at = subscribe_at.filter(|_| progress.subscribe_failures > 0);
        Some(ListState {
            in_use: entry.is_in_use(self.settings.in_use_for, now),
            requested: entry.used_within(self.settings.refresh_interval, now),
            age,
            attempts: progress.attempts,
            forced_in,
            token_ends_in: token_ends_at.map(|at| at.saturating_sub(now)),
            subscribe_in: subscribe_at.map(|at| at.saturating_sub(now)),
            blocked: progress.blocked,
            is_scarce: self.pool(entry).is_scarce(now),
            question: progress
                .mark
                .map_or(Question::InTurn, |mark| mark.question(now)),
        })
    }

    fn condition_of_team(&self, team: &TeamEntry) -> Option<ListState> {
        let (resources, age, attempts) = {
            let state = team.state();
            (state.resources(), state.age(&self.clock), state.attempts)
        };
        if resources.is_empty() {
            return None;
        }
        let (settings, now) = (&self.settings, self.clock.elapsed());
        let any = |is_so: &dyn Fn(&Entry) -> bool| {
            let mut entries = resources.iter().filter_map(|id| self.entries.get(id));
            entries.any(|entry| is_so(&entry))
        };
        Some(ListState {
            in_use: any(&|entry| entry.is_in_use(settings.in_use_for, now)),
            requested: any(&|entry| entry.used_within(settings.refresh_interval, now)),
            age,
            attempts,
            forced_in: None,
            token_ends_in: None,
            subscribe_in: None,
            blocked: false,
            is_scarce: self.settings.rate_pools == RatePools::Shared
                && self.shared_pool.is_scarce(now),
            question: Question::InTurn,
        })
    }

    /// How old a team's members may be in a list of this state.
    pub(in crate::sync) fn interval_of(&self, condition: &ListState) -> Duration {
        if condition.in_use {
            self.settings.refresh_interval
        } else {
            self.settings.idle_interval
        }
    }

    /// The pool on which calls on behalf of this resource draw.
    pub(in crate::sync) fn pool<'a>(&'a self, entry: &'a Entry) -> &'a RatePool {
        entry.pool.as_ref().unwrap_or(&self.shared_pool)
    }

    /// How long the rate limit delays a background fetch.
    pub(in crate::sync) fn pace(&self, subject: &Target, urgency: Urgency) -> Duration {
        let now = self.clock.elapsed();
        match (subject, self.settings.rate_pools) {
            (Target::Resource(entry), _) => self.pool(entry).wait(urgency, now),
            (Target::Team(_), RatePools::Shared) => self.shared_pool.wait(urgency, now),
            // Any token of the team will do.
            (Target::Team(_), RatePools::PerToken) => Duration::ZERO,
        }
    }
}
