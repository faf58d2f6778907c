//! The members of teams.

use std::collections::{BTreeMap, HashMap};

use super::Known;
use crate::access::{People, ResourceList};
use crate::ids::{ResourceId, TeamId};
use crate::store::Dated;

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
