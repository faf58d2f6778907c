//! Replaces a cached list with a newer one.

use std::sync::Arc;

use super::cached_list::{CachedList, OwnList};
use super::entry::{Entry, Progress, Removed};
use super::list_event::ListEvent;
use super::team::{Members, TeamEntry};
use crate::access::{ListChange, Team};
use crate::audit;
use crate::ids::{AppId, ResourceId};
use crate::sync::directory::Directory;
use crate::sync::schedule::queue::Target;

/// Where a list comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sync) enum Source {
    Heroku,
    /// Loaded from the store. The process that fetched it has written the audit events.
    Store,
}

impl Directory {
    /// Caches a resource's own part, combined with the known members of its team. None if the resource has
    /// ended. Keeps a newer cached list.
    pub(in crate::sync) fn replace(
        &self,
        entry: &Arc<Entry>,
        own: OwnList,
        source: Source,
    ) -> Option<Arc<CachedList>> {
        // Join the team before its members are read, so that a concurrent update of them reaches this entry.
        let own_team = own.list.team.clone();
        let team = own_team.as_ref();
        let team = team.map(|team| self.teams.join(&team.id, &entry.id));
        let (before, held, changes, is_revived) = {
            let mut progress = entry.progress();
            let before = entry.held();
            if progress.ended {
                drop(progress);
                self.leave_team(own_team.as_ref(), &entry.id);
                return None;
            }
            if let Some(newer) = &before
                && own.asked_at.is_before(&newer.own_asked_at())
            {
                let its_team = newer.snapshot.team.as_ref();
                if its_team.map(|team| &team.id) != own_team.as_ref().map(|team| &team.id) {
                    self.leave_team(own_team.as_ref(), &entry.id);
                }
                return before;
            }
            let asked_at = own.asked_at;
            let members = team.as_ref().map_or(Members::Withheld, |team| {
                let state = team.state();
                state.members(&self.clock, self.settings.max_list_age)
            });
            let policy = self.settings.list_policy;
            let held = Arc::new(CachedList::new(own, &members, policy, before.as_deref()));
            let changes = held.changes_since(before.as_deref());
            self.note_removals(entry, &mut progress, &changes, &held);
            entry.set(&mut progress, Some(Arc::clone(&held)));
            // After the swap: a reader without the lock that sees no pending removal must see this list.
            let is_revived = entry.settle(&mut progress, asked_at);
            (before, held, changes, is_revived)
        };
        self.index(entry, before.as_deref(), Some(&held));
        if entry.progress().ended {
            // The resource ended during the swap: drop the indexes again.
            self.index(entry, Some(&held), None);
            return None;
        }
        if is_revived {
            self.has_revived(entry, source);
        }
        self.tell(entry, before.is_none(), &changes, source);
        self.plan(&Target::Resource(Arc::clone(entry)));
        Some(held)
    }

    /// Announces that a dormant resource is active again.
    pub(in crate::sync) fn has_revived(&self, entry: &Entry, source: Source) {
        self.endings.note();
        if source == Source::Heroku {
            audit::resource_revived(&entry.id);
        }
        self.announce(ListEvent::List(entry.id));
        entry.notify();
    }

    /// Puts a team's newest members into the lists of all its resources.
    pub(in crate::sync) fn spread(&self, team: &TeamEntry, source: Source) {
        let resources = team.state().resources();
        for id in resources {
            let Some(entry) = self.entries.get(&id).map(|entry| Arc::clone(&entry)) else {
                continue;
            };
            let changes = {
                let mut progress = entry.progress();
                let of_team = |held: &Arc<CachedList>| {
                    let known = held.snapshot.team.as_ref();
                    known.is_some_and(|known| known.id == team.id)
                };
                let Some(before) = entry.held().filter(of_team) else {
                    continue;
                };
                let state = team.state();
                let members = state.members(&self.clock, self.settings.max_list_age);
                drop(state);
                let held = Arc::new(before.with_members(&members, self.settings.list_policy));
                let changes = held.changes_since(Some(&before));
                self.note_removals(&entry, &mut progress, &changes, &held);
                entry.set(&mut progress, Some(held));
                changes
            };
            self.tell(&entry, false, &changes, source);
        }
    }

    /// Records removals, so that sessions that an earlier list admitted end.
    fn note_removals(
        &self,
        entry: &Entry,
        progress: &mut Progress,
        changes: &[ListChange],
        held: &CachedList,
    ) {
        let left = changes.iter().filter_map(|change| match change {
            ListChange::Removed(email) | ListChange::EmailChanged { from: email, .. } => {
                Some(Removed {
                    email: email.clone(),
                    account: None,
                })
            }
            ListChange::AccountReplaced { from, to } => Some(Removed {
                email: to.email.clone(),
                account: Some(from.clone()),
            }),
            _ => None,
        });
        let (now, longest) = (self.clock.elapsed(), self.settings.max_session);
        entry.note_removals(progress, left, held, now, longest);
    }

    /// Announces what changed, if anything did.
    fn tell(&self, entry: &Entry, is_first: bool, changes: &[ListChange], source: Source) {
        if source == Source::Heroku {
            for change in changes {
                audit::list_changed(&entry.id, change);
            }
        }
        if is_first || !changes.is_empty() {
            self.announce(ListEvent::List(entry.id));
        }
        // Also for a list that is only newer: sessions depend on its age.
        entry.notify();
    }

    /// Indexes the resource by its app and its team.
    pub(in crate::sync) fn index(
        &self,
        entry: &Entry,
        before: Option<&CachedList>,
        now: Option<&CachedList>,
    ) {
        let app = |held: &CachedList| held.snapshot.app.id.clone();
        let (old, new) = (before.map(app), now.map(app));
        if old != new {
            if let Some(app) = new {
                self.apps.entry(app).or_default().push(entry.id);
            }
            if let Some(app) = old {
                self.leave_app(&app, &entry.id);
            }
        }
        let old = before.and_then(|held| held.snapshot.team.as_ref());
        let new = now.and_then(|held| held.snapshot.team.as_ref());
        if old.map(|team| &team.id) == new.map(|team| &team.id) {
            return;
        }
        if let Some(team) = new {
            // A team is on the schedule as long as it has resources.
            let team = self.teams.join(&team.id, &entry.id);
            self.plan(&Target::Team(team));
        }
        self.leave_team(old, &entry.id);
    }

    fn leave_team(&self, team: Option<&Team>, resource: &ResourceId) {
        if let Some(team) = team {
            self.teams.leave(&team.id, resource);
        }
    }

    fn leave_app(&self, app: &AppId, resource: &ResourceId) {
        self.apps.remove_if_mut(app, |_, resources| {
            resources.retain(|known| known != resource);
            resources.is_empty()
        });
    }
}
