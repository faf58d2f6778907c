//! Answers that a resource does not exist, and deprovisioning because of them.

use time::OffsetDateTime;

use super::state::{Known, State};
use crate::absence::{Absence, AbsenceSign, Brake, Dormancy};
use crate::ids::ResourceId;
use crate::sequence::Sequence;

impl State {
    pub(super) fn note_absence(&mut self, id: &ResourceId, sign: AbsenceSign) -> Option<Absence> {
        let has_list_since = |known: &Known| {
            let list = known.list.as_ref();
            list.is_some_and(|list| list.sequence >= sign.sequence)
        };
        let known = self.resources.get_mut(id);
        let known = known.filter(|known| known.is_active() && !has_list_since(known))?;
        let absence = match known.registration.absence {
            Some(absence) => absence.and(sign),
            None => Absence::new(sign),
        };
        known.registration.absence = Some(absence);
        Some(absence)
    }

    pub(super) fn make_dormant(
        &mut self,
        id: &ResourceId,
        sequence: Sequence,
        at: OffsetDateTime,
        brake: &Brake,
    ) -> Dormancy {
        let is_latest = |known: &Known| {
            let absence = known.registration.absence;
            known.is_active()
                && absence.is_some_and(|it| it.sequence == sequence && it.dormant_at.is_none())
        };
        let known = self.resources.get_mut(id);
        let Some(known) = known.filter(|known| is_latest(known)) else {
            return Dormancy::Outdated;
        };
        known.dormancy_wanted_at = Some(at);
        let active = || self.resources.values().filter(|known| known.is_active());
        let wanted = active().filter(|known| {
            let is_absent = known.registration.absence.is_some();
            let wanted_at = known.dormancy_wanted_at.filter(|_| is_absent);
            wanted_at.is_some_and(|wanted_at| wanted_at > at - brake.within)
        });
        let (becoming, resources) = (wanted.count() as u64, active().count() as u64);
        if !brake.allows(becoming, resources) {
            return Dormancy::Braked { becoming };
        }
        let known = self.resources.get_mut(id);
        if let Some(absence) = known.and_then(|known| known.registration.absence.as_mut()) {
            absence.dormant_at = Some(at);
        }
        Dormancy::Begun
    }

    pub(super) fn end_dormant(&mut self, id: &ResourceId, sequence: Sequence) -> bool {
        let known = self.resources.get(id).filter(|known| known.is_active());
        let absence = known.and_then(|known| known.registration.absence);
        let is_latest =
            absence.is_some_and(|it| it.sequence == sequence && it.dormant_at.is_some());
        if is_latest {
            self.end(id, true);
        }
        is_latest
    }
}
