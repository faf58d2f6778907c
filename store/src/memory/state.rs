//! The data, by resource and by team.

use std::collections::{BTreeMap, HashMap};

use time::OffsetDateTime;

use crate::ids::{ResourceId, TeamId};
use crate::people::{Email, People};
use crate::record::{
    ActiveResource, Dated, PendingRemoval, Registration, ResourceState, Revocation,
};
use crate::replay_key::ReplayKey;
use crate::resource_list::ResourceList;
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::session_record::SessionRecord;
use crate::sweep::{RETENTION, Sweep};

#[derive(Default)]
pub(super) struct State {
    pub(super) last_sequence: i64,
    pub(super) resources: BTreeMap<ResourceId, Known>,
    pub(super) members: HashMap<TeamId, Dated<People>>,
    pub(super) consumed: HashMap<ReplayKey, OffsetDateTime>,
    pub(super) closed: HashMap<SessionKey, OffsetDateTime>,
    pub(super) sessions: HashMap<SessionKey, SessionRecord>,
    pub(super) sweep: Sweep,
}

pub(super) struct Known {
    pub(super) registration: Registration,
    pub(super) list: Option<Dated<ResourceList>>,
    /// Sessions with a lower sequence number have ended.
    pub(super) sessions_since: Option<Sequence>,
    pub(super) revocations: BTreeMap<Email, Revocation>,
    pub(super) pending_removals: BTreeMap<Email, Sequence>,
    /// The time of the last attempt to make the resource dormant.
    pub(super) dormancy_wanted_at: Option<OffsetDateTime>,
}

impl State {
    /// Ends a resource that is known.
    pub(super) fn end(&mut self, id: &ResourceId, deprovision_owed: bool) {
        let Self {
            resources,
            members,
            sessions,
            ..
        } = self;
        let Some(known) = resources.get_mut(id) else {
            return;
        };
        sessions.retain(|_, session| session.resource != *id);
        known.revocations.clear();
        known.pending_removals.clear();
        known.registration = Registration {
            state: ResourceState::Deprovisioned,
            deprovision_owed,
            revision: known.registration.revision + 1,
            ..Registration::active(None)
        };
        let last = known.list.take();
        forget_team(resources, members, last);
    }

    /// Removes a resource, whatever its state.
    pub(super) fn erase(&mut self, id: &ResourceId) {
        let erased = self.resources.remove(id);
        self.sessions.retain(|_, session| session.resource != *id);
        let last = erased.and_then(|erased| erased.list);
        forget_team(&self.resources, &mut self.members, last);
    }

    /// Forgets used forms, sessions and closed sessions that have expired, if that is due.
    pub(super) fn sweep(&mut self, now: OffsetDateTime) {
        if self.sweep.is_due(now) {
            self.consumed.retain(|_, until| *until > now - RETENTION);
            self.closed.retain(|_, until| *until > now - RETENTION);
            self.sessions
                .retain(|_, session| session.ends_at > now - RETENTION);
        }
    }
}

impl Known {
    pub(super) fn active(&self, id: ResourceId) -> ActiveResource {
        let tokens = self.registration.tokens.as_ref();
        ActiveResource {
            token_ends_at: tokens.map(|tokens| tokens.expires_at),
            list: self.list.clone(),
            sessions_since: self.sessions_since,
            revocations: self.revocations.values().cloned().collect(),
            pending_removals: self.unanswered().collect(),
            absence: self.registration.absence,
            ..ActiveResource::new(id)
        }
    }

    fn unanswered(&self) -> impl Iterator<Item = PendingRemoval> {
        let answered = self.list.as_ref().map(|list| list.sequence);
        let open = self.pending_removals.iter();
        let open = open.filter(move |(_, sequence)| answered.is_none_or(|list| **sequence > list));
        open.map(|(email, sequence)| PendingRemoval::new(email.clone(), *sequence))
    }

    /// Active, or dormant.
    pub(super) fn is_active(&self) -> bool {
        self.registration.state == ResourceState::Active
    }
}

/// A team's members are no longer needed once no list names the team.
pub(super) fn forget_team(
    resources: &BTreeMap<ResourceId, Known>,
    members: &mut HashMap<TeamId, Dated<People>>,
    list: Option<Dated<ResourceList>>,
) {
    let Some(team) = list.and_then(|list| list.value.team) else {
        return;
    };
    let is_named = |known: &Known| {
        let list = known.list.as_ref();
        let named = list.and_then(|list| list.value.team.as_ref());
        named.is_some_and(|named| named.id == team.id)
    };
    if !resources.values().any(is_named) {
        members.remove(&team.id);
    }
}
