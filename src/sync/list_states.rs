//! Which resources have no list, and why.

use heroku_sso_store::ResourceId;

use super::lists::list_cache::ListCache;
use super::state::entry::Entry;

/// The resources of this process by what their lists lack.
#[derive(Debug, Default)]
pub(crate) struct ListStates {
    pub(crate) resources: usize,
    pub(crate) without_list: usize,
    /// Those among them with no known reason: no fetch has ended yet.
    pub(crate) not_fetched_yet: usize,
    /// They have no grant that works, by their last fetch. Contains `needing_grant`.
    pub(crate) without_grant: Vec<ResourceId>,
    /// Heroku refused their refresh token.
    pub(crate) needing_grant: Vec<ResourceId>,
    /// Those of the given resources that are still not registered.
    pub(crate) unregistered: Vec<ResourceId>,
    /// Their last fetch, that of their team, or the reading of their attached apps failed for another reason.
    pub(crate) failing: Vec<(ResourceId, &'static str)>,
}

/// Reads every resource in memory. `unregistered` may have been registered since.
pub(super) fn of(lists: &ListCache, mut unregistered: Vec<ResourceId>) -> ListStates {
    unregistered.retain(|id| lists.get(id).is_none());
    let mut states = ListStates {
        unregistered,
        ..ListStates::default()
    };
    for entry in lists.all() {
        states.resources += 1;
        let has_list = entry.list().is_some();
        states.without_list += usize::from(!has_list);
        let (is_refused, is_blocked, own, attached) = {
            let progress = entry.progress();
            let noted = progress.noted();
            let attached = noted.attached.as_ref().and_then(|it| it.attempts.error);
            let is_refused = noted.grant_refused.is_some();
            (
                is_refused,
                progress.blocked,
                progress.attempts().error,
                attached,
            )
        };
        if is_refused {
            states.needing_grant.push(entry.id);
        }
        let reason = own.or_else(|| reason_of_team(lists, &entry)).or(attached);
        match (is_refused || is_blocked, reason) {
            (true, _) => states.without_grant.push(entry.id),
            (false, Some(reason)) => states.failing.push((entry.id, reason)),
            (false, None) => states.not_fetched_yet += usize::from(!has_list),
        }
    }
    states
}

fn reason_of_team(lists: &ListCache, entry: &Entry) -> Option<&'static str> {
    let list = entry.list()?;
    let team = lists.teams().known(&list.snapshot.team.as_ref()?.id)?;
    let state = team.state();
    state.attempts.error
}
