//! What Heroku's answers say against the existence of a resource, as this process holds it in memory.

use std::time::Duration;

use heroku_sso_store::{Absence, AbsenceKind};
use time::{Duration as SignedDuration, OffsetDateTime};

use crate::clock::SharedClock;

/// How often Heroku is asked about a dormant resource.
pub(in crate::sync) const DORMANT_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// How often Heroku is asked about a resource that it reported as missing, and that is not dormant yet.
const ABSENT_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// What Heroku is asked, given its earlier answers about the resource's existence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sync) enum Question {
    /// Only for the list, on schedule.
    OnSchedule,
    /// Whether the resource exists after all, in this time.
    OfAbsent(Duration),
    /// The same for a dormant resource.
    OfDormant(Duration),
}

/// An absence as this process holds it in memory.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct AbsenceMark {
    pub(in crate::sync) absence: Absence,
    /// When Heroku last said so, by the monotonic clock; negative for a time before this process started.
    last: SignedDuration,
    /// Since when the resource is dormant, by the same clock.
    dormant: Option<SignedDuration>,
    /// Heroku is to be asked immediately.
    pub(in crate::sync) wanted: bool,
}

impl AbsenceMark {
    pub(in crate::sync) fn new(
        absence: Absence,
        known: Option<&Self>,
        clock: &SharedClock,
    ) -> Self {
        let (now, elapsed) = (clock.now(), signed(clock.elapsed()));
        let passed = |at: OffsetDateTime| elapsed - (now - at).max(SignedDuration::ZERO);
        let answer = |absence: &Absence| (absence.answers, absence.last_at);
        let same_last = known.filter(|known| answer(&known.absence) == answer(&absence));
        let same_dormant = known.filter(|known| known.absence.dormant_at == absence.dormant_at);
        Self {
            absence,
            last: same_last.map_or_else(|| passed(absence.last_at), |known| known.last),
            dormant: match same_dormant {
                Some(known) => known.dormant,
                None => absence.dormant_at.map(passed),
            },
            wanted: same_last.is_some_and(|known| known.wanted),
        }
    }

    pub(in crate::sync) fn is_dormant(&self) -> bool {
        self.dormant.is_some()
    }

    pub(in crate::sync) fn dormant_for(&self, now: Duration) -> Option<Duration> {
        self.dormant.map(|since| span(since, now))
    }

    /// When Heroku is asked about the resource again, however old its list is.
    pub(in crate::sync) fn question(&self, now: Duration) -> Question {
        let asked_ago = span(self.last, now);
        match (self.dormant, self.absence.kind) {
            (Some(_), _) if self.wanted => Question::OfDormant(Duration::ZERO),
            (Some(_), _) => Question::OfDormant(DORMANT_INTERVAL.saturating_sub(asked_ago)),
            (None, AbsenceKind::NotFound) => {
                Question::OfAbsent(ABSENT_INTERVAL.saturating_sub(asked_ago))
            }
            // It is handled as a resource that needs a grant.
            (None, AbsenceKind::GrantRefused) => Question::OnSchedule,
        }
    }
}

fn signed(elapsed: Duration) -> SignedDuration {
    elapsed.try_into().unwrap_or(SignedDuration::MAX)
}

fn span(since: SignedDuration, now: Duration) -> Duration {
    (signed(now) - since).try_into().unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;
    use heroku_sso_store::{AbsenceSign, Sequence};

    #[test]
    fn dormancy_does_not_grow_when_the_wall_clock_is_set_ahead() {
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        let manual = ManualClock::new();
        let clock: SharedClock = Arc::new(manual.clone());
        let start = clock.now();
        let sign = AbsenceSign::new(AbsenceKind::NotFound, Sequence::new(1), start);
        let mut absence = Absence::new(sign);
        absence.dormant_at = Some(start);
        let mark = AbsenceMark::new(absence, None, &clock);
        manual.set_wall(start + week);
        absence.last_at = start + week;
        let mark = AbsenceMark::new(absence, Some(&mark), &clock);
        assert_eq!(mark.dormant_for(clock.elapsed()), Some(Duration::ZERO));
    }
}
