//! A list in memory, and how it is put together.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::moment::Moment;
use super::team::Members;
use crate::access::{
    AccessList, App, ListChange, ListPolicy, People, Snapshot, Team, difference_of_all,
};
use crate::clock::SharedClock;
use crate::heroku::ETag;

/// The newest list of a resource: what was asked on the resource's own behalf, together with its
/// team's members, which all resources of the team share.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) snapshot: Arc<Snapshot>,
    /// When the oldest part was asked for: `snapshot.fetched_at`, by both clocks.
    asked_at: Moment,
    /// When the resource's own part was asked for.
    own_asked_at: Moment,
    etags: Option<Box<ETags>>,
    /// The last whole list, while this one lacks the team's members.
    whole: Option<Arc<Snapshot>>,
}

/// The names of Heroku's answers.
#[derive(Clone, Debug, Default)]
pub(super) struct ETags {
    pub(super) add_on: Option<ETag>,
    pub(super) app: Option<ETag>,
    pub(super) collaborators: Option<ETag>,
}

/// What Heroku says of one resource, its team's members apart.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) addon_name: String,
    pub(super) app: App,
    pub(super) team: Option<Team>,
    pub(super) web_url: Option<Url>,
    pub(super) collaborators: People,
    pub(super) etags: ETags,
    pub(super) asked_at: Moment,
}

impl Held {
    /// Puts a list together. `before` is the one whose place it takes.
    pub(super) fn new(
        own: Own,
        members: &Members,
        policy: ListPolicy,
        before: Option<&Self>,
    ) -> Self {
        // Equal people are kept once, whoever still holds the list before.
        let known = before.map(|before| before.snapshot.list.collaborators());
        let known = known.filter(|known| **known == own.collaborators);
        let collaborators = known.cloned().unwrap_or(own.collaborators);
        let (list, asked_at) = match (&own.team, members) {
            (None, _) => (AccessList::of_app(collaborators, policy), own.asked_at),
            (Some(_), Members::Known(team)) => (
                AccessList::of_team_app(collaborators, team.people.clone(), policy),
                own.asked_at.earlier(team.asked_at),
            ),
            (Some(_), Members::Withheld) => (
                AccessList::of_team_app_without_members(collaborators, policy),
                own.asked_at,
            ),
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
            addon_name: own.addon_name,
            app: own.app,
            team: own.team,
            web_url: own.web_url,
            list,
            fetched_at: asked_at.wall,
        };
        Self {
            snapshot: Arc::new(snapshot),
            asked_at,
            own_asked_at: own.asked_at,
            etags: Some(Box::new(own.etags)),
            whole,
        }
    }

    /// A list that a store kept.
    pub(super) fn stored(snapshot: Arc<Snapshot>, asked_at: Moment) -> Self {
        Self {
            snapshot,
            asked_at,
            own_asked_at: asked_at,
            etags: None,
            whole: None,
        }
    }

    /// The same with the team's members as they are now.
    pub(super) fn with_members(&self, members: &Members, policy: ListPolicy) -> Self {
        let snapshot = &self.snapshot;
        let own = Own {
            addon_name: snapshot.addon_name.clone(),
            app: snapshot.app.clone(),
            team: snapshot.team.clone(),
            web_url: snapshot.web_url.clone(),
            collaborators: snapshot.list.collaborators().clone(),
            etags: self.etags.as_deref().cloned().unwrap_or_default(),
            asked_at: self.own_asked_at,
        };
        Self::new(own, members, policy, Some(self))
    }

    /// Of its oldest part.
    pub(crate) fn age(&self, clock: &SharedClock) -> Duration {
        self.asked_at.age(clock)
    }

    pub(super) fn own_age(&self, clock: &SharedClock) -> Duration {
        self.own_asked_at.age(clock)
    }

    pub(super) fn own_asked_at(&self) -> Moment {
        self.own_asked_at
    }

    pub(super) fn etags(&self) -> Option<&ETags> {
        self.etags.as_deref()
    }

    /// What leads to this list from the one before.
    pub(super) fn changes_since(&self, before: Option<&Self>) -> Vec<ListChange> {
        let before = before.map(Self::lists).unwrap_or_default();
        difference_of_all(&before, &self.lists())
    }

    /// The lists whose people count as being on this one: that Heroku withholds the team's members
    /// does not mean that they left.
    fn lists(&self) -> Vec<&AccessList> {
        let lists = self.whole.as_deref().into_iter();
        let lists = lists.chain(std::iter::once(&*self.snapshot));
        lists.map(|snapshot| &snapshot.list).collect()
    }
}
