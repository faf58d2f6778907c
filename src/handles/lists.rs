//! [`Lists`]: the access lists, and why they admit a user or do not.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::{Email, ResourceId, UserId};
use uuid::Uuid;

use crate::access::Snapshot;
use crate::gate::{GateState, LINK_LIFE, LinkError};
use crate::handles::{LookupError, RefreshError};
use crate::store::StoreError;
use crate::sync::{Changes, Directory, Erasure, Explanation, Health, SyncError};

/// The access lists of all resources. From [`HerokuSso::lists`](crate::HerokuSso::lists); cheap to clone.
#[derive(Clone)]
pub struct Lists {
    gate: Arc<GateState>,
}

impl Lists {
    pub(crate) fn new(gate: Arc<GateState>) -> Self {
        Self { gate }
    }

    fn directory(&self) -> &Directory {
        &self.gate.directory
    }

    /// The known data of a resource and its access list, however old; none before the first fetch.
    ///
    /// # Errors
    /// [`LookupError`] if the resource is unknown or deprovisioned, or the store is unavailable.
    pub async fn get(&self, resource: &ResourceId) -> Result<Option<Arc<Snapshot>>, LookupError> {
        let list = self.directory().known_list(resource).await?;
        Ok(list.map(|list| Arc::clone(&list.snapshot)))
    }

    /// Fetches a resource's list now. Joins a fetch that is already running.
    ///
    /// It is rate-limited, so that a button for it costs other customers nothing. The limits are token
    /// buckets:
    /// - for each resource: 5 fetches, and one more every 10 seconds;
    /// - over all resources: 150 calls to Heroku, and 6 more a minute, for lists that are younger than the
    ///   refresh interval. A list takes three calls, or four with a team;
    /// - for [attached apps](crate::HerokuSsoBuilder::include_attached_apps), if they are wanted: for each
    ///   resource 60 calls, and one more every 10 seconds; over all resources as for lists.
    ///
    /// Beyond these limits the answer is the current list: [`fetched_at`](Snapshot::fetched_at) says how
    /// old it is.
    ///
    /// # Errors
    /// [`RefreshError`] if there is no new list, or none within 15 seconds; the last list stays.
    /// Also if [attached apps](crate::HerokuSsoBuilder::include_attached_apps) could not be read; the rest of
    /// the list is then new.
    /// [`RefreshError::OverBudget`] if there is no list yet; it says when to try again.
    pub async fn refresh(&self, resource: &ResourceId) -> Result<Arc<Snapshot>, RefreshError> {
        let list = self.directory().refresh(resource).await?;
        Ok(Arc::clone(&list.snapshot))
    }

    /// The current lists, and the changes to them: see [`Changes`].
    pub fn changes(&self) -> Changes {
        self.directory().changes()
    }

    /// Whether the store answers, and the state of the lists.
    ///
    /// If this returns, the process is alive. [`Health::fresh`] says whether its lists are fresh enough to
    /// admit users, and [`Health::store_error`] why the store does not answer.
    pub async fn health(&self) -> Health {
        // The cheapest read: a resource that does not exist.
        let read = self.directory().store().get(&Uuid::nil().into()).await;
        Health {
            store_error: read.err(),
            ..self.directory().health()
        }
    }

    /// Explains in words why a user can or cannot sign in to a resource now, for the partner's own staff. The
    /// gate itself uses the same rule. The answer is from this process's data and the store, without a
    /// request to Heroku. `account` is none if only the email is known.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot tell whether the resource exists.
    pub async fn explain(
        &self,
        resource: &ResourceId,
        email: &Email,
        account: Option<&UserId>,
    ) -> Result<Explanation, StoreError> {
        let explained = self.directory().explain(resource, email, account).await;
        explained.map_err(|error| match error {
            SyncError::Store(error) => error,
            // The look-up was interrupted.
            error => StoreError::new(error),
        })
    }

    /// Erases a person from the store: from the stored lists and team members, and their revocations and
    /// pending removals. Ends their sessions of which the store has records
    /// ([`Sessions::of_person`](crate::Sessions::of_person)), at all resources and in all processes.
    ///
    /// - It takes no access away. A person who is still on Heroku's list may sign in, and is in the store
    ///   again with the next fetch of that list. Remove them at Heroku first.
    /// - Each process has the list in memory until its next fetch, and does not store that person again from
    ///   there.
    /// - Sessions in signed cookies, bearer tokens of their own and sessions in a given session store last as
    ///   long as the list has the person. To end them too, call [`Sessions::revoke`](crate::Sessions::revoke)
    ///   first. That revocation stays in force without the email: it becomes one of all sessions at that
    ///   resource which began before it, so other users with such a session go through Heroku once.
    /// - A sign-in or a fetch that is in progress may store the person again. So the same is done once more
    ///   80 seconds later, in the background. If the process stops before, call it again.
    /// - Audit events are in your logs, which this does not reach.
    ///
    /// # Cancel safety
    /// If the future is dropped, work that has begun is completed.
    ///
    /// # Errors
    /// [`LookupError::Store`] if the store is unavailable. Call it again then.
    pub async fn erase(&self, email: &Email) -> Result<(), LookupError> {
        let directory = self.directory();
        let erasure = Erasure {
            store: Arc::clone(directory.store()),
            closed: Arc::clone(directory.closed_sessions()),
            audit: directory.settings().audit.clone(),
            clock: Arc::clone(directory.clock()),
        };
        Ok(erasure.erase(email.clone()).await?)
    }

    /// A signed link that leads a colleague's browser to a page of this resource, through Heroku if the
    /// browser has no session for it. Valid for 7 days; [`link_for`](Self::link_for) sets another time.
    ///
    /// The link grants nothing. Its user signs in at Heroku, and the list decides. It contains the
    /// resource and the path and no email; it is signed, so its target cannot be changed. It is valid in
    /// every process with the same SSO salt, or with the next one while the old one is a [previous
    /// salt](crate::Manifest::with_previous_salt). An expired or changed link gets a 403 with a page that
    /// says so.
    ///
    /// `path` is the path of the page as the gate sees it, with its query; under
    /// [`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path) it begins with the resource's own
    /// path. The result is a path with a query. Put your own origin before it, and the prefix if the gate
    /// is in a nested router.
    ///
    /// ```
    /// # fn mail(sso: tower_heroku_sso::HerokuSso, resource: tower_heroku_sso::ResourceId)
    /// #     -> Result<(), tower_heroku_sso::LinkError> {
    /// let link = sso.lists().link(&resource, "/reports?month=5")?;
    /// let text = format!("The report is ready: https://dashboard.example.com{link}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`LinkError`] if the path is not one of this resource's pages.
    pub fn link(&self, resource: &ResourceId, path: &str) -> Result<String, LinkError> {
        self.link_for(resource, path, LINK_LIFE)
    }

    /// As [`link`](Self::link), valid for `life`: from one minute to 30 days.
    ///
    /// # Errors
    /// [`LinkError`] if the path is not one of this resource's pages, or `life` is outside its bounds.
    pub fn link_for(
        &self,
        resource: &ResourceId,
        path: &str,
        life: Duration,
    ) -> Result<String, LinkError> {
        let (paths, now) = (&self.gate.paths, self.directory().clock().now());
        self.gate.links.make(paths, resource, path, life, now)
    }
}

impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lists").finish_non_exhaustive()
    }
}
