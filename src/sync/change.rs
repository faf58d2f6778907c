//! What changes on the lists, for the partner's own system.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::sync::broadcast;

use super::cached_list::CachedList;
use super::directory::Directory;
use super::list_event::{self, ListEvent};
use crate::access::{Email, ListChange, Member, Roles, Snapshot};
use crate::ids::{ResourceId, UserId};
use crate::store::ResourceState;

/// How long until the store is asked again that did not answer.
const STORE_RETRY: Duration = Duration::from_secs(5);

/// One change on one resource's list. For a table that is keyed by account, by email or by both:
/// [`ListChange`] says how the changes are applied, and a test does it for every pair of lists.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// The list names the account of an email, where it named none before: the same person, as far as
    /// anything is known.
    AccountKnown {
        /// Whose list.
        resource: ResourceId,
        /// Who, with the account.
        member: Member,
    },
    /// An email is another account's now: another person. The gate rejects the sessions of the account
    /// before. Nothing that is kept of that one is the new one's.
    AccountReplaced {
        /// Whose list.
        resource: ResourceId,
        /// The account until now.
        from: UserId,
        /// Who has the email from now on.
        to: Member,
    },
    /// The list no longer names the account of an email, or Heroku's two lists disagree about it; then
    /// the gate admits nobody by that email.
    AccountUnknown {
        /// Whose list.
        resource: ResourceId,
        /// The account until now.
        from: UserId,
        /// Who has the email, as the list has them now.
        member: Member,
    },
    /// Somebody is new on the list.
    Added {
        /// Whose list.
        resource: ResourceId,
        /// Who.
        member: Member,
    },
    /// Every list that the process has was told of by a [`Snapshot`](Self::Snapshot); comes once.
    ///
    /// Rows that you keep of other resources are of ones that ended while nobody listened, or of ones
    /// whose list could not be kept: ask [`access_list`](crate::HerokuSso::access_list) about each, and
    /// remove its rows at [`SyncError::Gone`](super::SyncError::Gone) and
    /// [`SyncError::UnknownResource`](super::SyncError::UnknownResource).
    CaughtUp,
    /// An account has another email now: the same person. The gate leads a browser that signed in by the
    /// email before through Heroku once, where it gets a session for the new one.
    EmailChanged {
        /// Whose list.
        resource: ResourceId,
        /// The email until now.
        from: Email,
        /// The person, with the email from now on.
        to: Member,
    },
    /// Somebody left the list.
    Removed {
        /// Whose list.
        resource: ResourceId,
        /// Who.
        email: Email,
    },
    /// Heroku says that the resource is not there: access is suspended, nothing is lost. Keep its rows:
    /// [`ResourceRevived`](Self::ResourceRevived) or [`ResourceGone`](Self::ResourceGone) follows.
    ResourceDormant {
        /// Which.
        resource: ResourceId,
    },
    /// The resource is at its end, and nobody is on its list any more: it was deprovisioned, was dormant
    /// for too long, [`HerokuSso::deprovision`](crate::HerokuSso::deprovision) was called, or your
    /// [`Addon`](crate::partner_api::Addon) has rejected its provisioning, after which it may come
    /// again.
    ResourceGone {
        /// Which.
        resource: ResourceId,
    },
    /// A dormant resource is active again, by an answer of Heroku's or a new grant.
    ResourceRevived {
        /// Which.
        resource: ResourceId,
    },
    /// Somebody on the list has other roles now.
    RoleChanged {
        /// Whose list.
        resource: ResourceId,
        /// Who.
        email: Email,
        /// The roles until now.
        from: Roles,
        /// The roles from now on.
        to: Roles,
    },
    /// A resource that this reader has not been told of, with its whole list. What follows about it
    /// is relative to this.
    Snapshot {
        /// Which.
        resource: ResourceId,
        /// Everything known of it.
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

/// Everything that a system of the partner's needs to follow the lists: first a
/// [`Change::Snapshot`] of each resource whose list is known, then what changes. In between, once, a
/// [`Change::CaughtUp`]: where a sync runs, after it has read the store. So start the sync first.
///
/// Nothing is missed and nothing comes twice, whenever it was made and however slowly it is read: it
/// compares what it has told with what is true. Somebody who left and came back while nobody read is
/// no change.
#[must_use = "changes are told to whoever asks for the next one"]
pub struct Changes {
    /// Weak, so that a reader does not keep alive what it reads.
    directory: Weak<Directory>,
    notices: broadcast::Receiver<ListEvent>,
    told: HashMap<ResourceId, Arc<CachedList>>,
    /// Which were told of as dormant.
    dormant: HashSet<ResourceId>,
    /// The last that were told of as ended.
    ended: VecDeque<ResourceId>,
    caught_up: bool,
    /// The lists as they were when this was made.
    start: VecDeque<(ResourceId, Arc<CachedList>)>,
    /// To be looked at.
    unread: VecDeque<ResourceId>,
    /// To be told.
    pending: VecDeque<Change>,
}

impl Directory {
    pub(crate) fn changes(self: &Arc<Self>) -> Changes {
        // In this order: what changes after the subscription is noticed, what changed before is there.
        let notices = self.notices.subscribe();
        let known = self.entries.iter();
        let known = known.filter_map(|entry| Some((entry.id, entry.held()?)));
        let dormant = self.entries.iter().filter(|entry| entry.is_dormant());
        Changes {
            directory: Arc::downgrade(self),
            notices,
            told: HashMap::new(),
            dormant: HashSet::new(),
            ended: VecDeque::new(),
            caught_up: false,
            start: known.collect(),
            unread: dormant.map(|entry| entry.id).collect(),
            pending: VecDeque::new(),
        }
    }
}

impl Changes {
    /// Waits for the next change. None once the [`HerokuSso`](crate::HerokuSso) is gone.
    ///
    /// # Cancel safety
    /// If the future is dropped, no change is lost.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            if let Some(change) = self.pending.pop_front() {
                return Some(change);
            }
            if let Some((id, held)) = self.start.pop_front() {
                self.tell(id, held);
                continue;
            }
            if let Some(id) = self.unread.front().copied() {
                self.look(id).await?;
                self.unread.pop_front();
                continue;
            }
            if !self.caught_up && self.notices.is_empty() && self.is_loaded()? {
                // Also of what was loaded since the look before.
                if self.notices.is_empty() {
                    self.caught_up = true;
                    return Some(Change::CaughtUp);
                }
            }
            match self.notices.recv().await {
                Ok(ListEvent::List(id)) => self.unread.push_back(id),
                Ok(ListEvent::Gone(id)) => self.gone(id),
                Ok(ListEvent::Loaded) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => self.look_at_all()?,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// The same as a stream, which ends once the [`HerokuSso`](crate::HerokuSso) is gone.
    ///
    /// ```
    /// # use futures_util::StreamExt;
    /// # async fn removals(sso: tower_heroku_sso::HerokuSso) {
    /// use tower_heroku_sso::sync::Change;
    ///
    /// let removals = sso.changes().into_stream().filter_map(|change| async {
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
        let directory = self.directory.upgrade()?;
        Some(!directory.backlog.is_loading())
    }

    async fn look(&mut self, id: ResourceId) -> Option<()> {
        let directory = self.directory.upgrade()?;
        let entry = directory.entries.get(&id).map(|entry| Arc::clone(&entry));
        if let Some(entry) = entry {
            // In this order: a resource is revived before its list is another.
            let is_dormant = entry.is_dormant();
            if !is_dormant && self.dormant.remove(&id) {
                self.pending
                    .push_back(Change::ResourceRevived { resource: id });
            }
            if let Some(held) = entry.held() {
                self.tell(id, held);
            }
            if is_dormant && self.dormant.insert(id) {
                self.pending
                    .push_back(Change::ResourceDormant { resource: id });
            }
            return Some(());
        }
        if !self.told.contains_key(&id) && !self.dormant.contains(&id) {
            return Some(());
        }
        // About to be deprovisioned; or its end was among what we missed.
        match directory.store.get(&id).await {
            Ok(None) => self.gone(id),
            Ok(Some(known)) if known.state == ResourceState::Deprovisioned => self.gone(id),
            Ok(Some(_)) => {}
            Err(_) => {
                // It stays unread. The directory is not kept alive for that long.
                let clock = Arc::clone(&directory.clock);
                drop(directory);
                clock.sleep(STORE_RETRY).await;
                self.unread.push_back(id);
            }
        }
        Some(())
    }

    fn tell(&mut self, resource: ResourceId, held: Arc<CachedList>) {
        match self.told.insert(resource, Arc::clone(&held)) {
            None => {
                self.ended.retain(|known| *known != resource);
                let snapshot = Arc::clone(&held.snapshot);
                self.pending
                    .push_back(Change::Snapshot { resource, snapshot });
            }
            Some(before) => {
                let changes = held.changes_since(Some(&before)).into_iter();
                let changes = changes.map(|change| Change::on_list(resource, change));
                self.pending.extend(changes);
            }
        }
    }

    fn gone(&mut self, resource: ResourceId) {
        self.told.remove(&resource);
        self.dormant.remove(&resource);
        // Word of one end may come twice, when another process brought it about.
        if self.ended.contains(&resource) {
            return;
        }
        self.ended.push_back(resource);
        if self.ended.len() > list_event::BACKLOG {
            self.ended.pop_front();
        }
        self.pending.push_back(Change::ResourceGone { resource });
    }

    fn look_at_all(&mut self) -> Option<()> {
        let directory = self.directory.upgrade()?;
        self.unread.extend(self.told.keys());
        let dormant = self.dormant.iter();
        self.unread
            .extend(dormant.filter(|id| !self.told.contains_key(id)));
        let known = directory.entries.iter().map(|entry| entry.id);
        self.unread
            .extend(known.filter(|id| !self.told.contains_key(id)));
        Some(())
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("told", &self.told.len())
            .finish_non_exhaustive()
    }
}
