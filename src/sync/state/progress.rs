//! What this process remembers about fetching one resource's list.

use std::time::Duration;

use time::OffsetDateTime;

use super::absence_mark::AbsenceMark;
use super::as_of::AsOf;
use super::attached_part::AttachedProgress;
use super::attempts::Attempts;
use super::fetch_budgets::OwnBudgets;
use super::person_marks::PersonMarks;
use crate::sync::SyncError;

/// The state of the fetches of one resource.
#[derive(Debug)]
pub(in crate::sync) struct Progress {
    /// Boxed, because most resources have none of it, and a fleet has many resources.
    noted: Option<Box<Noted>>,
    /// Between 0 and 1, drawn again after each fetch.
    jitter: f32,
    pub(in crate::sync) ended: bool,
    /// The last fetch failed because there were no usable tokens.
    pub(in crate::sync) blocked: bool,
    /// The webhook subscription is known to exist.
    pub(in crate::sync) is_subscribed: bool,
}

/// What is out of the ordinary.
#[derive(Debug, Default)]
pub(in crate::sync) struct Noted {
    /// Created when it is first drawn on.
    budgets: Option<OwnBudgets>,
    /// None since the last successful fetch.
    failed: Option<Failed>,
    /// When a webhook said that the list has changed. None once it was fetched again.
    pub(in crate::sync) forced_at: Option<AsOf>,
    pub(in crate::sync) grant_refused: Option<GrantRefused>,
    /// When a request last gave up waiting for a fetch.
    pub(in crate::sync) last_wait_timed_out_at: Option<Duration>,
    /// When to subscribe to its webhooks again, after a failure.
    pub(in crate::sync) subscribe_at: Option<Duration>,
    /// How many times in a row the subscription has failed with a temporary error.
    pub(in crate::sync) subscribe_failures: u32,
    /// What Heroku's answers say against the resource's existence.
    pub(in crate::sync) mark: Option<AbsenceMark>,
    pub(in crate::sync) attached: Option<AttachedProgress>,
    pub(super) people: Option<PersonMarks>,
}

/// Fetches that failed since the last successful one.
#[derive(Clone, Copy, Debug)]
struct Failed {
    times: u32,
    last_at: Duration,
    /// The [kind](SyncError::kind) of the last one's error.
    error: &'static str,
}

/// Heroku refuses the refresh token.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct GrantRefused {
    pub(in crate::sync) times: u32,
    pub(in crate::sync) last_at: Duration,
    /// When the access token of the same grant expires. It identifies the grant: another grant has another
    /// expiry.
    pub(in crate::sync) token_end: OffsetDateTime,
}

static NOTHING: Noted = Noted {
    budgets: None,
    failed: None,
    forced_at: None,
    grant_refused: None,
    last_wait_timed_out_at: None,
    subscribe_at: None,
    subscribe_failures: 0,
    mark: None,
    attached: None,
    people: None,
};

impl Default for Progress {
    fn default() -> Self {
        Self {
            noted: None,
            jitter: fastrand::f32(),
            ended: false,
            blocked: false,
            is_subscribed: false,
        }
    }
}

impl Progress {
    /// What is out of the ordinary.
    pub(in crate::sync) fn noted(&self) -> &Noted {
        self.noted.as_deref().unwrap_or(&NOTHING)
    }

    /// The same, to change it.
    pub(in crate::sync) fn note(&mut self) -> &mut Noted {
        self.noted.get_or_insert_default()
    }

    /// Frees the memory if nothing is out of the ordinary.
    pub(super) fn tidy(&mut self) {
        self.noted.take_if(|noted| noted.is_empty());
    }

    pub(in crate::sync) fn budgets(&mut self, now: Duration) -> &mut OwnBudgets {
        let budgets = &mut self.note().budgets;
        budgets.get_or_insert_with(|| OwnBudgets::full(now))
    }

    /// The fetches that failed since the last successful one.
    pub(in crate::sync) fn attempts(&self) -> Attempts {
        let failed = self.noted().failed;
        Attempts {
            failures: failed.map_or(0, |failed| failed.times),
            failed_at: failed.map_or(Duration::ZERO, |failed| failed.last_at),
            error: failed.map(|failed| failed.error),
            jitter: self.jitter.into(),
        }
    }

    pub(in crate::sync) fn note_failure(&mut self, now: Duration, error: &SyncError) {
        let times = self.attempts().failures.saturating_add(1);
        self.note().failed = Some(Failed {
            times,
            last_at: now,
            error: error.kind(),
        });
        self.jitter = fastrand::f32();
    }

    /// Forgets the fetches that failed.
    pub(in crate::sync) fn forget_failures(&mut self) {
        if let Some(noted) = &mut self.noted {
            noted.failed = None;
        }
        self.jitter = fastrand::f32();
    }

    /// Forgets that Heroku refused the grant.
    pub(in crate::sync) fn forget_refusal(&mut self) {
        if let Some(noted) = &mut self.noted {
            noted.grant_refused = None;
        }
    }

    /// Records that the attachments have changed.
    pub(in crate::sync) fn note_attached_hint(&mut self, since: AsOf) {
        let attached = &mut self.note().attached;
        attached.get_or_insert_default().hinted_at = Some(since);
    }

    /// Records that attached apps could not be read.
    pub(in crate::sync) fn note_attached_failure(&mut self, now: Duration, error: &SyncError) {
        let attached = self.note().attached.get_or_insert_default();
        attached.attempts.note_failure(now, error);
    }

    /// How much longer attached apps are not read again, after a failure.
    pub(in crate::sync) fn attached_back_off(&self, now: Duration) -> Duration {
        let attached = self.noted().attached.as_ref();
        attached.map_or(Duration::ZERO, |it| it.attempts.back_off_left(now))
    }

    /// True if the attachments have changed and have not been read since.
    pub(in crate::sync) fn has_attached_hint(&self) -> bool {
        let attached = self.noted().attached.as_ref();
        attached.is_some_and(|it| it.hinted_at.is_some())
    }

    /// Forgets failed readings of attached apps, and the hint that an answer requested at `asked_at` answers.
    pub(in crate::sync) fn settle_attached(&mut self, asked_at: AsOf) {
        let Some(noted) = &mut self.noted else { return };
        let hinted_at = noted.attached.take().and_then(|it| it.hinted_at);
        if let Some(since) = hinted_at.filter(|since| asked_at.is_before(since)) {
            self.note_attached_hint(since);
        }
        self.tidy();
    }

    /// Forgets failures, and everything that a list requested at `asked_at` answers: pending removals, the
    /// webhook's hint, an absence.
    pub(super) fn settle(&mut self, asked_at: AsOf) {
        self.blocked = false;
        self.forget_failures();
        let Some(noted) = &mut self.noted else { return };
        let is_answered = |since: &AsOf| !asked_at.is_before(since);
        if let Some(people) = &mut noted.people {
            people.settle(asked_at);
        }
        noted.people.take_if(|people| people.is_empty());
        noted.forced_at.take_if(|since| is_answered(since));
        noted.last_wait_timed_out_at = None;
        let mark = &mut noted.mark;
        mark.take_if(|mark| mark.absence.sequence <= asked_at.sequence);
        self.tidy();
    }

    /// True while Heroku's answers say that the resource is dormant.
    pub(in crate::sync) fn is_dormant(&self) -> bool {
        self.noted()
            .mark
            .as_ref()
            .is_some_and(AbsenceMark::is_dormant)
    }
}

impl Noted {
    fn is_empty(&self) -> bool {
        let Self {
            budgets: None,
            failed: None,
            forced_at: None,
            grant_refused: None,
            last_wait_timed_out_at: None,
            subscribe_at: None,
            subscribe_failures: _,
            mark: None,
            attached: None,
            people: None,
        } = self
        else {
            return false;
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::{ManualClock, SharedClock};
    use heroku_sso_store::Sequence;

    #[test]
    fn settled_progress_takes_no_memory() {
        let clock: SharedClock = Arc::new(ManualClock::new());
        let at = |sequence| AsOf::now(&clock, Sequence::new(sequence));
        let mut progress = Progress::default();
        progress.note_failure(Duration::from_secs(1), &SyncError::Interrupted);
        progress.note().forced_at = Some(at(5));
        progress.note_attached_hint(at(7));
        assert_eq!(progress.attempts().failures, 1);
        progress.settle(at(6));
        assert_eq!(progress.attempts().failures, 0);
        assert!(progress.noted().forced_at.is_none());
        progress.settle_attached(at(6));
        assert!(progress.has_attached_hint());
        progress.settle_attached(at(7));
        assert!(progress.noted.is_none());
    }
}
