//! What happens to a resource that Heroku reports as missing, or whose grant it refuses. One answer changes
//! nothing. If the absence lasts, the resource becomes dormant, which is reversible. It ends only if the
//! absence lasts for [`dormant_for`](crate::HerokuSsoBuilder::dormant_for) after that.

use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::{Absence, AbsenceKind, AbsenceSign, Brake, Dormancy, ResourceId};
use parking_lot::Mutex;
use time::OffsetDateTime;

use super::resource_lifecycle::Lifecycle;
use crate::clock::LogThrottle;
use crate::heroku::HerokuError;
use crate::sync::SyncError;
use crate::sync::lists::list_event::Source;
use crate::sync::state::absence_mark::AbsenceMark;
use crate::sync::state::as_of::AsOf;
use crate::sync::state::entry::Entry;

/// At least this many answers make a resource dormant, over at least [`SHORTEST_ABSENCE`]. Refusals of its
/// grant must have lasted for `dormant_for`.
const FEWEST_ANSWERS: u32 = 3;
const SHORTEST_ABSENCE: Duration = Duration::from_secs(15 * 60);
/// How often Heroku is asked about all dormant resources while the brake holds. The brake keeps too many
/// resources from becoming dormant.
const ALL_ASKED_EVERY: Duration = Duration::from_secs(15 * 60);

/// A dormant resource: access to it is suspended, and no data is lost.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct DormantResource {
    /// The resource.
    pub resource: ResourceId,
    /// When it became dormant, by the wall clock of the process that noticed.
    pub since: OffsetDateTime,
    /// Until then it can be revived. After that time, the first answer that still reports it missing
    /// deprovisions it.
    pub until: OffsetDateTime,
    /// False if Heroku says that the resource does not exist, and is asked again every hour. The next answer
    /// with its list revives it, and so does a new grant ([`register`](crate::Resources::register), or Heroku's
    /// provisioning).
    ///
    /// True if Heroku refuses the resource's grant: only a new grant revives it, or the next answer with its
    /// list if you have registered other tokens that Heroku accepts.
    pub needs_grant: bool,
}

/// What follows from an absence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Wait,
    BecomeDormant,
    End,
}

/// The pure rule. `dormant_for` is how long the resource has been dormant.
fn next_step(absence: &Absence, dormant_for: Option<Duration>, longest: Duration) -> Step {
    if let Some(dormant_for) = dormant_for {
        return match dormant_for >= longest {
            true => Step::End,
            false => Step::Wait,
        };
    }
    let shortest = match absence.kind {
        AbsenceKind::NotFound => SHORTEST_ABSENCE,
        // Until then the resource is reported as needing a grant.
        AbsenceKind::GrantRefused => longest,
    };
    let lasted = absence.last_at - absence.first_at >= shortest;
    match lasted && absence.answers >= FEWEST_ANSWERS {
        true => Step::BecomeDormant,
        false => Step::Wait,
    }
}

/// The kind of absence that an error of Heroku's reports. None if the error says nothing about whether the
/// resource exists.
pub(in crate::sync) fn reported_absence(error: &SyncError) -> Option<AbsenceKind> {
    match error {
        SyncError::Heroku(HerokuError::Gone(answer)) if answer.says_not_there() => {
            Some(AbsenceKind::NotFound)
        }
        SyncError::Heroku(HerokuError::GrantRefused(answer)) if answer.refuses_the_grant() => {
            Some(AbsenceKind::GrantRefused)
        }
        _ => None,
    }
}

/// When the brake was logged, and when Heroku was asked about the dormant resources because of it.
#[derive(Debug, Default)]
pub(in crate::sync) struct BrakeLog {
    log_throttle: LogThrottle,
    asked_at: Mutex<Option<Duration>>,
}

impl BrakeLog {
    fn may_ask(&self, now: Duration) -> bool {
        let mut last = self.asked_at.lock();
        let may = last.is_none_or(|last| now >= last + ALL_ASKED_EVERY);
        if may {
            *last = Some(now);
        }
        may
    }
}

/// Records that Heroku reports resources as missing or refuses their grants, and applies what follows.
pub(crate) struct Absences<'a>(&'a Lifecycle);

impl<'a> Absences<'a> {
    pub(in crate::sync) fn of(lifecycle: &'a Lifecycle) -> Self {
        Self(lifecycle)
    }

    /// Records an absence that Heroku reported in answer to a request of `asked_at`, and applies the
    /// consequence.
    ///
    /// # Errors
    /// [`SyncError::Dormant`] and [`SyncError::Gone`] if the resource is in that state from now on, or was
    /// already. [`SyncError::Busy`] if another change of the resource takes too long. The store's errors;
    /// then nothing is known to have changed.
    pub(in crate::sync) async fn note(
        &self,
        entry: &Arc<Entry>,
        kind: AbsenceKind,
        asked_at: AsOf,
    ) -> Result<(), SyncError> {
        let lifecycle = self.0;
        // Serializes with a grant that reaches this process at the same time.
        let _turn = lifecycle.turn(&entry.id).await?;
        let (id, clock, store) = (&entry.id, &lifecycle.clock, &lifecycle.store);
        let read = lifecycle.lists.read_of(id);
        let sign = AbsenceSign::new(kind, asked_at.sequence, clock.now());
        let Some(mut absence) = store.note_absence(id, sign).await? else {
            // There is a newer list, or the resource has ended, or the store keeps no absences.
            return lifecycle.coordinator.reload_resource(id).await;
        };
        let known = entry.progress().noted().mark;
        let mark = AbsenceMark::new(absence, known.as_ref(), clock);
        let longest = lifecycle.settings.dormant_for;
        match next_step(&absence, mark.dormant_for(clock.elapsed()), longest) {
            Step::Wait => {}
            Step::BecomeDormant => {
                let (at, brake) = (clock.now(), Brake::default());
                match store.make_dormant(id, absence.sequence, at, &brake).await? {
                    Dormancy::Begun => {
                        absence.dormant_at = Some(at);
                        lifecycle.settings.audit.resource_dormant(id, kind);
                    }
                    Dormancy::Braked { becoming } => self.braked(becoming),
                    Dormancy::Outdated => return lifecycle.coordinator.reload_resource(id).await,
                }
            }
            Step::End => {
                if !store.end_dormant(id, absence.sequence).await? {
                    return lifecycle.coordinator.reload_resource(id).await;
                }
                lifecycle.note_end(id);
                return Err(SyncError::Gone);
            }
        }
        if !read.is_current() {
            // Another process may have revived the resource since the store was read.
            lifecycle.coordinator.reload_resource(id).await?;
        } else {
            lifecycle
                .lists
                .set_absence(entry, Some(absence), Source::Store);
        }
        let mut progress = entry.progress();
        if !progress.is_dormant() {
            return Ok(());
        }
        progress.forget_failures();
        // The forced fetch has its answer.
        progress
            .note()
            .forced_at
            .take_if(|since| !asked_at.is_before(since));
        drop(progress);
        lifecycle.lists.scheduler().plan_resource(entry);
        Err(SyncError::Dormant)
    }

    /// The brake held: too many resources would be dormant. The cause may be a mistake, so those that are
    /// dormant already are checked with Heroku.
    fn braked(&self, becoming: u64) {
        let lifecycle = self.0;
        let now = lifecycle.clock.elapsed();
        if lifecycle.brake_log.log_throttle.is_due(&lifecycle.clock) {
            lifecycle.settings.audit.dormancy_braked(becoming);
        }
        if !lifecycle.brake_log.may_ask(now) {
            return;
        }
        for entry in lifecycle.lists.all() {
            let mut progress = entry.progress();
            if !progress.is_dormant() {
                continue;
            }
            if let Some(mark) = &mut progress.note().mark {
                mark.wanted = true;
            }
            drop(progress);
            lifecycle.lists.scheduler().plan_resource(&entry);
        }
    }

    /// The resources that are dormant now, as far as this process knows.
    pub(crate) fn dormant(&self) -> Vec<DormantResource> {
        let longest = self.0.settings.dormant_for;
        let of = |entry: Arc<Entry>| {
            let absence = entry.progress().noted().mark?.absence;
            let since = absence.dormant_at?;
            Some(DormantResource {
                resource: entry.id,
                since,
                until: since + longest,
                needs_grant: absence.kind == AbsenceKind::GrantRefused,
            })
        };
        let entries = self.0.lists.all().into_iter();
        entries.filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heroku_sso_store::Sequence;

    const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    fn absence(kind: AbsenceKind, answers: u32, lasted: Duration) -> Absence {
        let first_at = OffsetDateTime::UNIX_EPOCH;
        let sign = AbsenceSign::new(kind, Sequence::new(1), first_at);
        let mut absence = Absence::new(sign);
        (absence.answers, absence.last_at) = (answers, first_at + lasted);
        absence
    }

    #[test]
    fn dormancy_needs_three_answers_over_15_minutes() {
        let second = Duration::from_secs(1);
        for (answers, lasted, step) in [
            (3, SHORTEST_ABSENCE, Step::BecomeDormant),
            (2, SHORTEST_ABSENCE * 10, Step::Wait),
            (300, SHORTEST_ABSENCE - second, Step::Wait),
        ] {
            let absence = absence(AbsenceKind::NotFound, answers, lasted);
            assert_eq!(
                next_step(&absence, None, WEEK),
                step,
                "{answers}, {lasted:?}"
            );
        }
    }

    #[test]
    fn refused_grant_becomes_dormant_after_a_week_then_ends() {
        let second = Duration::from_secs(1);
        let refused = |lasted| absence(AbsenceKind::GrantRefused, 30, lasted);
        assert_eq!(next_step(&refused(WEEK - second), None, WEEK), Step::Wait);
        assert_eq!(next_step(&refused(WEEK), None, WEEK), Step::BecomeDormant);
        let dormant_for = |time| next_step(&refused(WEEK * 2), Some(time), WEEK);
        assert_eq!(dormant_for(WEEK - second), Step::Wait);
        assert_eq!(dormant_for(WEEK), Step::End);
    }
}
