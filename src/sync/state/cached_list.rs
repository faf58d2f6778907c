//! A list in memory, and how its parts are combined.

use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::Sequence;
use serde::{Deserialize, Serialize};

use super::as_of::AsOf;
use super::attached_part::AttachedPart;
use super::member_list::{Members, TeamList};
use crate::access::ListPolicy;
use crate::access::{AccessList, ListChange, People, ResourceList, Snapshot, difference_of_all};
use crate::clock::{Reading, SharedClock};
use crate::heroku::ETag;

/// The newest list of a resource: its own part, combined with its team's members, which all resources of the
/// team share.
#[derive(Clone, Debug)]
pub(crate) struct CachedList {
    pub(crate) snapshot: Arc<Snapshot>,
    /// When the resource's own part was requested.
    own_asked_at: AsOf,
    /// Its team's members, if it has some. All lists of the team share them.
    members: Option<Arc<TeamList>>,
    etags: Option<Box<ETags>>,
    /// The last complete list, while this one lacks the team's members.
    whole: Option<Arc<Snapshot>>,
    /// The part about attached apps, which does not count for the list's age.
    attached: Option<Arc<AttachedPart>>,
}

/// When the parts of a list were requested, in the order that all processes share.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ListVersion {
    pub(crate) own: Sequence,
    /// None if there is no team, or Heroku withholds its members.
    pub(crate) members: Option<Sequence>,
    /// None unless people of attached apps are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attached: Option<Sequence>,
}

impl ListVersion {
    /// True if some part of the other list is newer.
    pub(in crate::sync) fn is_outdated_by(&self, other: &Self) -> bool {
        let is_older = |mine: Option<Sequence>, theirs: Option<Sequence>| match (mine, theirs) {
            (Some(mine), Some(theirs)) => mine < theirs,
            // Every part of this list is as old as its own part.
            (None, Some(theirs)) => self.own < theirs,
            (_, None) => false,
        };
        self.own < other.own
            || is_older(self.members, other.members)
            || is_older(self.attached, other.attached)
    }

    /// True if this list is older than one that lacked a person, `removal`. The parts about attached apps are
    /// compared only if the own parts are the same: a newer own part may have the person again, however old
    /// the answer about attached apps is that came with it.
    pub(in crate::sync) fn is_before_removal(&self, removal: &Self) -> bool {
        let without_attached = |version: &Self| Self {
            attached: None,
            ..*version
        };
        without_attached(self).is_outdated_by(&without_attached(removal))
            || (self.own == removal.own && self.is_outdated_by(removal))
    }

    /// True if both of Heroku's lists were asked for since the newest part of the other version.
    pub(in crate::sync) fn is_wholly_since(&self, other: &Self) -> bool {
        let parts = [other.members, other.attached].into_iter().flatten();
        let newest = parts.fold(other.own, Sequence::max);
        self.own >= newest && self.members.is_none_or(|it| it >= newest)
    }
}

/// The ETags of Heroku's answers.
#[derive(Clone, Debug, Default)]
pub(in crate::sync) struct ETags {
    pub(in crate::sync) add_on: Option<ETag>,
    pub(in crate::sync) app: Option<ETag>,
    pub(in crate::sync) collaborators: Option<ETag>,
}

/// Heroku's answer for one resource, without its team's members.
#[derive(Clone, Debug)]
pub(in crate::sync) struct OwnList {
    pub(in crate::sync) list: ResourceList,
    /// None for a list that another process fetched.
    pub(in crate::sync) etags: Option<Box<ETags>>,
    pub(in crate::sync) asked_at: AsOf,
}

impl CachedList {
    /// Combines the parts of a list. `before` is the list that it replaces.
    pub(in crate::sync) fn new(
        own: OwnList,
        members: &Members,
        policy: ListPolicy,
        before: Option<&Self>,
    ) -> Self {
        // Equal people are stored once, even while a reader still holds the previous list.
        let known = before.map(|before| before.snapshot.list.collaborators());
        let OwnList {
            list: resource,
            etags,
            asked_at: own_asked_at,
        } = own;
        let known = known.filter(|known| **known == resource.collaborators);
        let collaborators = known.cloned().unwrap_or(resource.collaborators);
        let known = before.and_then(|before| before.attached.as_ref());
        let came = resource
            .attached
            .map(|it| AttachedPart::from_store(it, &resource.app.id, own_asked_at));
        let attached = AttachedPart::newest(came, known);
        let (list, members) = match (&resource.team, members) {
            (None, _) => (AccessList::of_app(collaborators, policy), None),
            (Some(_), Members::Known(team)) => (
                AccessList::of_team_app(collaborators, team.people.clone(), policy),
                Some(Arc::clone(team)),
            ),
            (Some(_), Members::Withheld) => (
                AccessList::of_team_app_without_members(collaborators, policy),
                None,
            ),
        };
        let list = match &attached {
            Some(attached) => list.with_attached(attached.people.clone()),
            None => list,
        };
        let whole = before.filter(|_| list.is_partial()).and_then(|before| {
            let was_whole = !before.snapshot.list.is_partial();
            if was_whole {
                Some(Arc::clone(&before.snapshot))
            } else {
                before.whole.clone()
            }
        });
        let snapshot = Snapshot {
            addon_name: resource.addon_name,
            app: resource.app,
            team: resource.team,
            web_url: resource.web_url,
            list,
            fetched_at: oldest(own_asked_at, members.as_deref()).wall(),
        };
        Self {
            snapshot: Arc::new(snapshot),
            own_asked_at,
            members,
            etags,
            whole,
            attached,
        }
    }

    /// The same list with the team's current members.
    pub(in crate::sync) fn with_members(&self, members: &Members, policy: ListPolicy) -> Self {
        let own = OwnList {
            list: self.resource_list(),
            etags: self.etags.clone(),
            asked_at: self.own_asked_at,
        };
        Self::new(own, members, policy, Some(self))
    }

    /// The same list with this answer about attached apps. None if it has a newer one.
    pub(in crate::sync) fn with_attached(&self, part: AttachedPart) -> Option<Self> {
        let attached = AttachedPart::newest(Some(part), self.attached.as_ref())?;
        if self
            .attached
            .as_ref()
            .is_some_and(|it| Arc::ptr_eq(it, &attached))
        {
            return None;
        }
        let with_people = |snapshot: &Arc<Snapshot>| {
            let mut snapshot = Snapshot::clone(snapshot);
            snapshot.list = snapshot.list.with_attached(attached.people.clone());
            Arc::new(snapshot)
        };
        Some(Self {
            snapshot: with_people(&self.snapshot),
            whole: self.whole.as_ref().map(with_people),
            attached: Some(Arc::clone(&attached)),
            ..self.clone()
        })
    }

    /// The resource's own part.
    pub(in crate::sync) fn resource_list(&self) -> ResourceList {
        let snapshot = &self.snapshot;
        let mut list = ResourceList::new(
            snapshot.addon_name.clone(),
            snapshot.app.clone(),
            snapshot.list.collaborators().clone(),
        );
        list.team.clone_from(&snapshot.team);
        list.web_url.clone_from(&snapshot.web_url);
        let attached = self.attached.as_ref();
        list.attached = attached.map(|it| it.to_store(self.own_asked_at));
        list
    }

    /// The age of its oldest part, apart from attached apps.
    pub(crate) fn age(&self, clock: &SharedClock) -> Duration {
        self.asked_at().age(clock)
    }

    /// As [`age`](Self::age), with the current time supplied by the caller.
    pub(in crate::sync) fn age_at(&self, at: Reading) -> Duration {
        self.asked_at().age_at(at)
    }

    /// When the oldest part was requested: `snapshot.fetched_at`, by both clocks.
    fn asked_at(&self) -> AsOf {
        oldest(self.own_asked_at, self.members.as_deref())
    }

    pub(in crate::sync) fn own_age(&self, clock: &SharedClock) -> Duration {
        self.own_asked_at.age(clock)
    }

    pub(in crate::sync) fn own_asked_at(&self) -> AsOf {
        self.own_asked_at
    }

    pub(crate) fn version(&self) -> ListVersion {
        ListVersion {
            own: self.own_asked_at.sequence,
            members: self.members.as_ref().map(|it| it.asked_at.sequence),
            attached: self.attached.as_ref().map(|it| it.asked_at.sequence),
        }
    }

    /// Heroku's last answer about attached apps, if their people are wanted.
    pub(in crate::sync) fn attached(&self) -> Option<&AttachedPart> {
        self.attached.as_deref()
    }

    /// How long the people of attached apps count from now on: up to and including this age of Heroku's
    /// answer about them, however young the rest of the list is. None if they do not, as after a move of the
    /// add-on to another app.
    pub(in crate::sync) fn attached_left(&self, at: Reading, limit: Duration) -> Option<Duration> {
        let attached = self.attached.as_ref()?;
        let is_of_owner = attached.owner == self.snapshot.app.id;
        let left = limit.checked_sub(attached.asked_at.age_at(at));
        Some(left.filter(|_| is_of_owner)? + Duration::from_millis(1))
    }

    /// True if Heroku was asked about attached apps before it was asked for the resource's own part.
    pub(in crate::sync) fn is_attached_before_own(&self) -> bool {
        let attached = self.attached.as_ref();
        attached.is_none_or(|it| it.asked_at.is_before(&self.own_asked_at))
    }

    /// The calls that a fetch of the list makes, without attached apps. Computed from the number of people: a
    /// page has 200 of them.
    pub(in crate::sync) fn calls(&self) -> u32 {
        const PAGE: usize = 200;
        let pages = |people: &People| u32::try_from(people.len() / PAGE + 1).unwrap_or(u32::MAX);
        let list = &self.snapshot.list;
        let members = match (&self.snapshot.team, list.team_members()) {
            (Some(_), members) => members.map_or(1, pages),
            (None, _) => 0,
        };
        // One call for the add-on, one for the app.
        members
            .saturating_add(pages(list.collaborators()))
            .saturating_add(2)
    }

    pub(in crate::sync) fn etags(&self) -> Option<&ETags> {
        self.etags.as_deref()
    }

    /// The changes that lead from the previous list to this one.
    pub(in crate::sync) fn changes_since(&self, before: Option<&Self>) -> Vec<ListChange> {
        let before = before.map(Self::lists).unwrap_or_default();
        difference_of_all(&before, &self.lists())
    }

    /// The lists whose people count as being on this one. If Heroku withholds the team's members, that does
    /// not mean that they left.
    fn lists(&self) -> Vec<&AccessList> {
        let lists = self.whole.as_deref().into_iter();
        let lists = lists.chain(std::iter::once(&*self.snapshot));
        lists.map(|snapshot| &snapshot.list).collect()
    }
}

fn oldest(own: AsOf, members: Option<&TeamList>) -> AsOf {
    members.map_or(own, |members| own.earlier(members.asked_at))
}

#[cfg(test)]
mod tests;
