//! Revocations, and the erasure of people.

use time::OffsetDateTime;

use super::state::State;
use crate::ids::ResourceId;
use crate::people::Email;
use crate::record::Revocation;
use crate::sequence::Sequence;
use crate::session_key::SessionKey;

pub(super) fn revoke(
    state: &mut State,
    id: &ResourceId,
    revocation: Revocation,
    forget_before: OffsetDateTime,
) {
    let known = state.resources.get_mut(id);
    let Some(known) = known.filter(|known| known.is_active()) else {
        return;
    };
    let revocations = &mut known.revocations;
    revocations.retain(|_, known| known.at >= forget_before);
    let last = revocations.get(&revocation.email);
    if last.is_none_or(|last| last.sequence <= revocation.sequence) {
        revocations.insert(revocation.email.clone(), revocation);
    }
}

pub(super) fn revoke_all(state: &mut State, id: &ResourceId, sequence: Sequence) {
    let known = state.resources.get_mut(id);
    if let Some(known) = known.filter(|known| known.is_active()) {
        known.sessions_since = known.sessions_since.max(Some(sequence));
    }
}

/// Returns the sessions that this has ended.
pub(super) fn erase(state: &mut State, email: &Email) -> Vec<SessionKey> {
    let of_person = state.sessions.values().filter(|it| it.email == *email);
    let ended: Vec<_> = of_person.map(|it| it.key.clone()).collect();
    for key in &ended {
        if let Some(session) = state.sessions.remove(key) {
            state.closed.insert(key.clone(), session.ends_at);
        }
    }
    for known in state.resources.values_mut() {
        // The revocation stays in force, for all sessions of the resource and without the email.
        if let Some(revocation) = known.revocations.remove(email) {
            known.sessions_since = known.sessions_since.max(Some(revocation.sequence));
        }
        known.pending_removals.remove(email);
        if let Some(list) = &mut known.list {
            list.value = list.value.clone().without(email);
        }
    }
    for members in state.members.values_mut() {
        members.value = members.value.clone().without(email);
    }
    ended
}
