//! What changes on the lists, for the partner's own system.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Weak};

use futures_util::{Stream, stream};
use heroku_sso_store::{Email, ResourceId, ResourceState, UserId};
use tokio::sync::broadcast;

use super::cluster::coordinator::Coordinator;
use super::lists::list_cache::ListCache;
use super::lists::list_event::{self, ListEvent};
use super::settings::STORE_RETRY;
use super::state::cached_list::CachedList;
use crate::access::{ListChange, Member, Roles, Snapshot};

/// One change on one resource's list. It suits a table that is keyed by account, by email or by both.
/// [`ListChange`] says how to apply the changes.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// The list now names the account of an email, where it named none before. As far as is known, it is the
    /// same person.
    AccountKnown {
        /// The resource whose list changed.
        resource: ResourceId,
        /// The person, with the account.
        member: Member,
    },
    /// An email now belongs to another account, so to another person. The gate rejects the previous account's
    /// sessions. Data that is kept of the previous account does not belong to the new one.
    AccountReplaced {
        /// The resource whose list changed.
        resource: ResourceId,
        /// The previous account.
        from: UserId,
        /// The person who now has the email.
        to: Member,
    },
    /// The list no longer names the account of an email, or Heroku's two lists disagree about it. If they
    /// disagree, the gate rejects every sign-in by that email.
    AccountUnknown {
        /// The resource whose list changed.
        resource: ResourceId,
        /// The previous account.
        from: UserId,
        /// The person with that email, as the list now shows them.
        member: Member,
    },
    /// A person was added to the list.
    Added {
        /// The resource whose list changed.
        resource: ResourceId,
        /// The person.
        member: Member,
    },
    /// This reader has received a [`Snapshot`](Self::Snapshot) of every list in this process. Comes once.
    ///
    /// Your rows of any other resource are outdated or unconfirmed: the resource ended while no reader was
    /// running, or its list could not be stored. Call [`Lists::get`](crate::Lists::get) for each of these
    /// resources. Delete its rows at [`LookupError::Deprovisioned`](crate::LookupError::Deprovisioned) and
    /// [`LookupError::UnknownResource`](crate::LookupError::UnknownResource).
    CaughtUp,
    /// An account has another email now; it is the same person. The gate sends a browser that signed in by
    /// the previous email through Heroku once. There it gets a session for the new email.
    EmailChanged {
        /// The resource whose list changed.
        resource: ResourceId,
        /// The previous email.
        from: Email,
        /// The person, with the new email.
        to: Member,
    },
    /// A person was removed from the list.
    Removed {
        /// The resource whose list changed.
        resource: ResourceId,
        /// The person's email.
        email: Email,
    },
    /// Heroku says that the resource does not exist, or has refused its grant for
    /// [`dormant_for`](crate::HerokuSsoBuilder::dormant_for). Access is suspended, and no data is lost. Keep
    /// its rows: [`ResourceRevived`](Self::ResourceRevived) or [`ResourceGone`](Self::ResourceGone) follows.
    ResourceDormant {
        /// The resource.
        resource: ResourceId,
    },
    /// The resource has ended, and its list is empty. It was deprovisioned, it was dormant for too long, or
    /// [`Resources::deprovision`](crate::Resources::deprovision) was called. Or your
    /// [`Addon`](crate::partner_api::Addon) has rejected its provisioning; then the same resource may be
    /// provisioned again.
    ResourceGone {
        /// The resource.
        resource: ResourceId,
    },
    /// A dormant resource is active again, by an answer from Heroku or by a new grant.
    ResourceRevived {
        /// The resource.
        resource: ResourceId,
    },
    /// A person on the list now has other roles.
    RoleChanged {
        /// The resource whose list changed.
        resource: ResourceId,
        /// The person's email.
        email: Email,
        /// The previous roles.
        from: Roles,
        /// The new roles.
        to: Roles,
    },
    /// A resource that is new to this reader, with its whole list. Later changes of this resource are
    /// relative to this snapshot.
    Snapshot {
        /// The resource.
        resource: ResourceId,
        /// Everything known about it.
        snapshot: Arc<Snapshot>,
    },
}

impl Change {
    fn on_list(resource: ResourceId, change: ListChange) -> Self {
        match change {
            ListChange::AccountKnown(member) => Self::AccountKnown { resource, member },
            ListChange::AccountReplaced { from, to } => {
                Self::AccountReplaced { resource, from, to }
            }
            ListChange::AccountUnknown { from, member } => Self::AccountUnknown {
                resource,
                from,
                member,
            },
            ListChange::EmailChanged { from, to } => Self::EmailChanged { resource, from, to },
            ListChange::Added(member) => Self::Added { resource, member },
            ListChange::Removed(email) => Self::Removed { resource, email },
            ListChange::RoleChanged { email, from, to } => Self::RoleChanged {
                resource,
                email,
                from,
                to,
            },
        }
    }
}

/// A reader of the lists and of every change to them, for a system of your own that follows them.
///
/// First comes a [`Change::Snapshot`] of each resource whose list is known, then every change. One
/// [`Change::CaughtUp`] comes when the reader has a snapshot of every list in this process. If a sync runs,
/// that is after it has read the store, so start the sync first.
///
/// No change is missed and none comes twice, whenever the reader was created and however slowly it reads. The
/// reader compares the state that it has reported with the current state. So a person who left and came back
/// between two reads is no change.
///
/// ```
/// # use tower_heroku_sso::{HerokuSso, sync::Change};
/// # async fn follow(sso: HerokuSso) {
/// let mut changes = sso.lists().changes(); // after `sso.spawn_sync()`
/// while let Some(change) = changes.next().await {
///     match change {
///         Change::Snapshot { resource, snapshot } => { /* replace the resource's users */ }
///         Change::Added { resource, member } => { /* insert */ }
///         Change::Removed { resource, email } => { /* delete */ }
///         Change::EmailChanged { resource, from, to } => { /* the same account: update its email */ }
///         Change::AccountReplaced { resource, from, to } => { /* another person: drop what `from` had */ }
///         Change::ResourceGone { resource } => { /* delete all of the resource's users */ }
///         Change::CaughtUp => { /* call `sso.lists().get` for each resource without a snapshot */ }
///         _ => {}
///     }
/// }
/// # }
/// ```
#[must_use = "a reader of changes does nothing until it is read"]
pub struct Changes {
    /// Weak, so that a reader does not keep the lists alive.
    lists: Weak<ListCache>,
    coordinator: Weak<Coordinator>,
    events: broadcast::Receiver<ListEvent>,
    reported: HashMap<ResourceId, Arc<CachedList>>,
    /// The resources that were reported as dormant.
    dormant: HashSet<ResourceId>,
    /// The last resources that were reported as ended, so that each end is reported once.
    ended: VecDeque<ResourceId>,
    caught_up: bool,
    /// The lists as they were when this reader was created.
    start: VecDeque<(ResourceId, Arc<CachedList>)>,
    /// Resources whose state may differ from what was reported.
    unread: VecDeque<ResourceId>,
    /// Changes to return, one by one.
    pending: VecDeque<Change>,
}

impl Changes {
    pub(super) fn new(coordinator: &Arc<Coordinator>, lists: &Arc<ListCache>) -> Self {
        // In this order, so that none is missed: a change after the subscription arrives as an event, and one
        // before it is in memory already.
        let events = lists.events().subscribe();
        let known = lists.all();
        let dormant = known.iter().filter(|entry| entry.is_dormant());
        let lists_now = known
            .iter()
            .filter_map(|entry| Some((entry.id, entry.list()?)));
        Self {
            lists: Arc::downgrade(lists),
            coordinator: Arc::downgrade(coordinator),
            events,
            reported: HashMap::new(),
            ended: VecDeque::new(),
            caught_up: false,
            start: lists_now.collect(),
            unread: dormant.map(|entry| entry.id).collect(),
            dormant: HashSet::new(),
            pending: VecDeque::new(),
        }
    }

    /// Waits for the next change. None once the [`HerokuSso`](crate::HerokuSso) and everything made from it
    /// is dropped.
    ///
    /// # Cancel safety
    /// If the future is dropped, no change is lost.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            if let Some(change) = self.pending.pop_front() {
                return Some(change);
            }
            if let Some((id, list)) = self.start.pop_front() {
                self.report_list(id, list);
                continue;
            }
            if let Some(id) = self.unread.front().copied() {
                self.check_resource(id).await?;
                self.unread.pop_front();
                continue;
            }
            if !self.caught_up && self.events.is_empty() && self.is_loaded()? {
                // Checked again, because lists may have been loaded in between.
                if self.events.is_empty() {
                    self.caught_up = true;
                    return Some(Change::CaughtUp);
                }
            }
            match self.events.recv().await {
                Ok(ListEvent::List(id)) => self.unread.push_back(id),
                Ok(ListEvent::Gone(id)) => self.report_end(id),
                Ok(ListEvent::Loaded) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => self.check_all()?,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// The same as a stream, which ends where [`next`](Self::next) returns None.
    ///
    /// ```
    /// # use futures_util::StreamExt;
    /// # async fn removals(sso: tower_heroku_sso::HerokuSso) {
    /// use tower_heroku_sso::sync::Change;
    ///
    /// let removals = sso.lists().changes().into_stream().filter_map(|change| async {
    ///     match change {
    ///         Change::Removed { resource, email, .. } => Some((resource, email)),
    ///         _ => None,
    ///     }
    /// });
    /// # }
    /// ```
    pub fn into_stream(self) -> impl Stream<Item = Change> + Send + Unpin + 'static {
        Box::pin(stream::unfold(self, |mut changes| async {
            let change = changes.next().await?;
            Some((change, changes))
        }))
    }

    fn is_loaded(&self) -> Option<bool> {
        Some(!self.lists.upgrade()?.scheduler().backlog().is_loading())
    }

    /// Reports how the resource's state differs from what was reported. None once the lists are dropped.
    async fn check_resource(&mut self, id: ResourceId) -> Option<()> {
        let coordinator = self.coordinator.upgrade()?;
        if let Some(entry) = self.lists.upgrade()?.get(&id) {
            // In this order: a resource is reported as revived before its list is reported as changed.
            let is_dormant = entry.is_dormant();
            if !is_dormant && self.dormant.remove(&id) {
                self.pending
                    .push_back(Change::ResourceRevived { resource: id });
            }
            if let Some(list) = entry.list() {
                self.report_list(id, list);
            }
            if is_dormant && self.dormant.insert(id) {
                self.pending
                    .push_back(Change::ResourceDormant { resource: id });
            }
            return Some(());
        }
        if !self.reported.contains_key(&id) && !self.dormant.contains(&id) {
            return Some(());
        }
        // The resource is about to be deprovisioned, or its end was among the events that this reader missed.
        match coordinator.store().get(&id).await {
            Ok(None) => self.report_end(id),
            Ok(Some(known)) if known.state == ResourceState::Deprovisioned => self.report_end(id),
            Ok(Some(_)) => {}
            Err(_) => {
                // The resource stays unread. The coordinator is not kept alive during the wait.
                let clock = Arc::clone(coordinator.clock());
                drop(coordinator);
                clock.sleep(STORE_RETRY).await;
                self.unread.push_back(id);
            }
        }
        Some(())
    }

    fn report_list(&mut self, resource: ResourceId, list: Arc<CachedList>) {
        match self.reported.insert(resource, Arc::clone(&list)) {
            None => {
                self.ended.retain(|known| *known != resource);
                let snapshot = Arc::clone(&list.snapshot);
                self.pending
                    .push_back(Change::Snapshot { resource, snapshot });
            }
            Some(before) => {
                let changes = list.changes_since(Some(&before)).into_iter();
                let changes = changes.map(|change| Change::on_list(resource, change));
                self.pending.extend(changes);
            }
        }
    }

    fn report_end(&mut self, resource: ResourceId) {
        self.reported.remove(&resource);
        self.dormant.remove(&resource);
        // The end of a resource can be announced twice if another process ended it.
        if self.ended.contains(&resource) {
            return;
        }
        self.ended.push_back(resource);
        if self.ended.len() > list_event::BACKLOG {
            self.ended.pop_front();
        }
        self.pending.push_back(Change::ResourceGone { resource });
    }

    /// Checks every resource again, because events were missed.
    fn check_all(&mut self) -> Option<()> {
        let lists = self.lists.upgrade()?;
        self.unread.extend(self.reported.keys());
        let dormant = self.dormant.iter();
        self.unread
            .extend(dormant.filter(|id| !self.reported.contains_key(id)));
        let known = lists.all().into_iter().map(|entry| entry.id);
        self.unread
            .extend(known.filter(|id| !self.reported.contains_key(id)));
        Some(())
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("reported", &self.reported.len())
            .finish_non_exhaustive()
    }
}
