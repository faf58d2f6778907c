//! Replaces what is cached about a resource or a team with something newer.

use std::sync::Arc;

use heroku_sso_store::Absence;

use super::list_cache::ListCache;
use super::list_event::Source;
use crate::sync::state::as_of::AsOf;
use crate::sync::state::attached_part::AttachedPart;
use crate::sync::state::cached_list::{CachedList, OwnList};
use crate::sync::state::entry::Entry;
use crate::sync::state::member_list::Members;
use crate::sync::state::team::TeamEntry;

impl ListCache {
    /// Caches a resource's own part, combined with the known members of its team. None if the resource has
    /// ended. Keeps a newer cached list.
    pub(in crate::sync) fn replace(
        &self,
        entry: &Arc<Entry>,
        mut own: OwnList,
        source: Source,
    ) -> Option<Arc<CachedList>> {
        // Join the team before its members are read: a concurrent update of them then reaches this entry.
        let own_team = own.list.team.clone();
        let team = own_team.as_ref();
        let team = team.map(|team| self.teams.join(&team.id, entry));
        if let (Some(own_team), Some(team)) = (&mut own.list.team, &team) {
            *own_team = team.state().share(Arc::clone(own_team));
        }
        let leave_own_team = || {
            if let Some(team) = &own_team {
                self.teams.leave(&team.id, &entry.id);
            }
        };
        let (before, list, changes, is_revived) = {
            let mut progress = entry.progress();
            let before = entry.list();
            if progress.ended {
                drop(progress);
                leave_own_team();
                return None;
            }
            if let Some(newer) = &before
                && own.asked_at.is_before(&newer.own_asked_at())
            {
                let its_team = newer.snapshot.team.as_ref();
                if its_team.map(|team| &team.id) != own_team.as_ref().map(|team| &team.id) {
                    leave_own_team();
                }
                return before;
            }
            let asked_at = own.asked_at;
            let members = team.as_ref().map_or(Members::Withheld, |team| {
                let state = team.state();
                state.members(&self.clock, self.settings.max_list_age)
            });
            let policy = self.settings.list_policy;
            let list = Arc::new(CachedList::new(own, &members, policy, before.as_deref()));
            let changes = list.changes_since(before.as_deref());
            let (now, longest) = (self.clock.elapsed(), self.settings.max_session);
            entry.note_removals(&mut progress, &changes, &list, now, longest);
            entry.set(&mut progress, Some(Arc::clone(&list)));
            // After the swap: a reader without the lock that sees no pending removal must see this list.
            let is_revived = entry.settle(&mut progress, asked_at);
            let version = |list: &CachedList| list.version().attached;
            if let Some(attached) = list.attached()
                && before.as_deref().and_then(version) != version(&list)
            {
                progress.settle_attached(attached.asked_at);
            }
            (before, list, changes, is_revived)
        };
        self.index(entry, before.as_deref(), Some(&list));
        if entry.progress().ended {
            // The resource ended during the swap: drop the indexes again.
            self.index(entry, Some(&list), None);
            return None;
        }
        if is_revived {
            self.reads.outdate(&entry.id);
            self.events.revived(entry, source);
        }
        self.events
            .list_replaced(entry, before.is_none(), &changes, source);
        self.scheduler.plan_resource(entry);
        Some(list)
    }

    /// Puts a newer answer about attached apps into a resource's list. None if there is no list. Keeps a
    /// newer cached answer.
    pub(in crate::sync) fn replace_attached(
        &self,
        entry: &Arc<Entry>,
        part: AttachedPart,
        source: Source,
    ) -> Option<Arc<CachedList>> {
        let (list, changes) = {
            let mut progress = entry.progress();
            let before = entry.list()?;
            let asked_at = part.asked_at;
            let Some(list) = before.with_attached(part) else {
                return Some(before);
            };
            let list = Arc::new(list);
            let changes = list.changes_since(Some(&before));
            let (now, longest) = (self.clock.elapsed(), self.settings.max_session);
            entry.note_removals(&mut progress, &changes, &list, now, longest);
            entry.set(&mut progress, Some(Arc::clone(&list)));
            progress.settle_attached(asked_at);
            (list, changes)
        };
        self.events.list_replaced(entry, false, &changes, source);
        self.scheduler.plan_resource(entry);
        Some(list)
    }

    /// Puts a team's newest members into the lists of all its resources.
    pub(in crate::sync) fn propagate_members(&self, team: &Arc<TeamEntry>, source: Source) {
        let resources = team.state().resources().to_vec();
        for entry in resources {
            // The resource may have ended since, and even have been registered again, with another entry.
            let Some(entry) = self.get(&entry.id) else {
                continue;
            };
            let changes = {
                let mut progress = entry.progress();
                let of_team = |list: &Arc<CachedList>| {
                    let known = list.snapshot.team.as_ref();
                    known.is_some_and(|known| known.id == team.id)
                };
                let Some(before) = entry.list().filter(of_team) else {
                    continue;
                };
                let max_age = self.settings.max_list_age;
                let members = team.state().members(&self.clock, max_age);
                let list = Arc::new(before.with_members(&members, self.settings.list_policy));
                let changes = list.changes_since(Some(&before));
                let (now, longest) = (self.clock.elapsed(), self.settings.max_session);
                entry.note_removals(&mut progress, &changes, &list, now, longest);
                entry.set(&mut progress, Some(list));
                changes
            };
            self.events.list_replaced(&entry, false, &changes, source);
        }
        self.scheduler.plan_team(team);
    }

    /// Records that Heroku withholds the team's members from the tokens that were tried.
    pub(in crate::sync) fn withhold_members(&self, team: &Arc<TeamEntry>, asked_at: AsOf) {
        tracing::warn!(
            team = %team.id,
            "heroku withholds a team's members; keeping the last ones until they are too old"
        );
        team.state().refused(asked_at);
        self.propagate_members(team, Source::Heroku);
    }

    /// Caches what Heroku says against the existence of a resource, unless a cached list contradicts it.
    /// `None` means that nothing speaks against it.
    pub(in crate::sync) fn set_absence(
        &self,
        entry: &Arc<Entry>,
        absence: Option<Absence>,
        source: Source,
    ) {
        let (was_dormant, is_dormant) = entry.set_absence(absence, &self.clock);
        if was_dormant == is_dormant {
            return;
        }
        self.reads.outdate(&entry.id);
        if is_dormant {
            self.events.suspended(entry);
        } else {
            entry.progress().forget_failures();
            self.events.revived(entry, source);
        }
        self.scheduler.plan_resource(entry);
    }

    /// Indexes the resource by its app and its team.
    pub(super) fn index(
        &self,
        entry: &Arc<Entry>,
        before: Option<&CachedList>,
        now: Option<&CachedList>,
    ) {
        let app = |list: &CachedList| list.snapshot.app.id.clone();
        let (old, new) = (before.map(app), now.map(app));
        if old != new {
            if let Some(app) = new {
                self.apps.enter(&app, entry.id);
            }
            if let Some(app) = old {
                self.apps.remove(&app, entry.id);
            }
        }
        let old = before.and_then(|list| list.snapshot.team.as_ref());
        let new = now.and_then(|list| list.snapshot.team.as_ref());
        if old.map(|team| &team.id) == new.map(|team| &team.id) {
            return;
        }
        if let Some(team) = new {
            // A team is on the schedule as long as it has resources.
            let team = self.teams.join(&team.id, entry);
            self.scheduler.plan_team(&team);
        }
        if let Some(team) = old {
            self.teams.leave(&team.id, &entry.id);
        }
    }
}
