//! [`HerokuSso`], the one value that a partner builds. It gives access to all other parts.

mod builder;
#[cfg(feature = "jwt")]
mod signed;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use secrecy::SecretString;
use uuid::Uuid;

use crate::access::{Email, Role, Snapshot};
use crate::config::Manifest;
use crate::gate::{
    AdmitError, GateState, HerokuSsoLayer, HerokuUser, RequireLayer, SignedIn, VerifiedEmail, admit,
};
use crate::ids::{LegacyId, ResourceId, UserId};
use crate::session::{ExpiredDeletion, SweepHandle, sweep};
use crate::sync::{
    Changes, Directory, DormantResource, Explanation, Health, OauthGrant, SyncError, SyncHandle,
};

pub use builder::HerokuSsoBuilder;

/// SSO for one add-on: creates the layer, keeps the lists up to date, and answers queries about them.
///
/// Cheap to clone; clones share all state.
#[derive(Clone, Debug)]
pub struct HerokuSso {
    pub(crate) gate: Arc<GateState>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) manifest: Arc<Manifest>,
}

impl HerokuSso {
    /// The gate: wraps a service so that it receives only requests of users on the resource's list. It also
    /// handles the SSO path and the sign-out path. See [`gate`](crate::gate).
    ///
    /// In axum, `.merge(...)` and `.nest(...)` can remove the fallback through which requests to those two
    /// paths reach the layer. Then also merge [`endpoints`](Self::endpoints) or
    /// [`partner_api`](Self::partner_api), which route them.
    pub fn layer(&self) -> HerokuSsoLayer {
        HerokuSsoLayer::required(Arc::clone(&self.gate))
    }

    /// As [`layer`](Self::layer), but **admits every request**. It only tells the wrapped service which
    /// user is signed in, for pages that greet a customer and also serve visitors without a session.
    pub fn identify_layer(&self) -> HerokuSsoLayer {
        HerokuSsoLayer::optional(Arc::clone(&self.gate))
    }

    /// For routes inside [`layer`](Self::layer): admits only users with this role. See
    /// [`RequireLayer`].
    pub fn require(&self, role: Role) -> RequireLayer {
        RequireLayer::any_of([role])
    }

    /// For routes inside [`layer`](Self::layer): admits only users with one of `roles`. See
    /// [`RequireLayer`].
    pub fn require_any(&self, roles: impl IntoIterator<Item = Role>) -> RequireLayer {
        RequireLayer::any_of(roles)
    }

    /// For routes inside [`layer`](Self::layer): admits only users for whom `rule` returns true. See
    /// [`RequireLayer`].
    ///
    /// ```
    /// # use axum::{Router, routing::post};
    /// # fn routes(sso: tower_heroku_sso::HerokuSso) -> Router {
    /// # async fn deploy() {}
    /// Router::new()
    ///     .route("/deploy", post(deploy))
    ///     .route_layer(sso.require_if(|user| user.permissions().iter().any(|may| &**may == "deploy")))
    ///     .layer(sso.layer())
    /// # }
    /// ```
    pub fn require_if(
        &self,
        rule: impl Fn(&HerokuUser) -> bool + Send + Sync + 'static,
    ) -> RequireLayer {
        RequireLayer::only_if(rule)
    }

    /// Starts the task that keeps every registered resource's list up to date, on the current Tokio
    /// runtime. It stops when the handle is dropped.
    ///
    /// Without it, only sign-ins fetch lists, and sessions end after one refresh interval. This process then
    /// receives no changes from other processes on the same store: a user revoked by one of them keeps access
    /// here until the session ends. A warning says so.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn spawn_sync(&self) -> SyncHandle {
        self.directory.spawn_sync()
    }

    /// Has a session store delete expired records every `period`, on the current Tokio
    /// runtime, until the handle is dropped. A failure is logged and does not stop it.
    ///
    /// For stores in a database, such as those of `tower-sessions-sqlx-store`. Redis, moka and the default
    /// store delete expired records on their own.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, and for a period of zero.
    pub fn spawn_session_sweep(
        &self,
        store: impl ExpiredDeletion,
        period: Duration,
    ) -> SweepHandle {
        assert!(!period.is_zero(), "the sweep's period must not be zero");
        sweep(store, period, Arc::clone(self.directory.clock()))
    }

    /// The known data of a resource and its access list, however old; none before the first fetch.
    ///
    /// # Errors
    /// [`SyncError`] if the resource is unknown or deprovisioned, or the store is unavailable.
    pub async fn access_list(
        &self,
        resource: &ResourceId,
    ) -> Result<Option<Arc<Snapshot>>, SyncError> {
        let held = self.directory.known_list(resource).await?;
        Ok(held.map(|held| Arc::clone(&held.snapshot)))
    }

    /// Fetches a resource's list now. Joins a fetch that is already running.
    ///
    /// It is rate-limited, so that a button for it costs other customers nothing. The limits are token
    /// buckets:
    /// - for each resource: 5 fetches, and one more every 10 seconds;
    /// - over all resources: 150 calls to Heroku, and 6 more a minute, for lists that are younger than the
    ///   refresh interval. A list takes three calls, or four with a team.
    ///
    /// Beyond these limits the answer is the current list: [`fetched_at`](Snapshot::fetched_at) says how
    /// old it is.
    ///
    /// # Errors
    /// [`SyncError`] if there is no new list, or none within 15 seconds; the last list stays.
    /// [`SyncError::OverBudget`] if there is no list yet; it says when to try again.
    pub async fn refresh_now(&self, resource: &ResourceId) -> Result<Arc<Snapshot>, SyncError> {
        let held = self.directory.refresh(resource).await?;
        Ok(Arc::clone(&held.snapshot))
    }

    /// Explains in words why a user can or cannot sign in to a resource now, for the partner's own staff. The
    /// gate itself uses the same rule. The answer is from this process's data, without a request to Heroku.
    /// `account` is none if only the email is known.
    ///
    /// # Errors
    /// [`SyncError`] if the store cannot tell whether the resource exists.
    pub async fn explain(
        &self,
        resource: &ResourceId,
        email: &Email,
        account: Option<&UserId>,
    ) -> Result<Explanation, SyncError> {
        self.directory.explain(resource, email, account).await
    }

    /// Registers a resource that was not provisioned through
    /// [`partner_api`](Self::partner_api). May be repeated: existing data stays unless the new
    /// grant is better, see [`OauthGrant`]. To try the tokens, call
    /// [`refresh_now`](Self::refresh_now).
    ///
    /// # Cancel safety
    /// If the future is dropped, work that has begun is completed: tokens that Heroku has issued are
    /// not lost.
    ///
    /// # Errors
    /// [`SyncError`] if the resource has no tokens yet and Heroku refuses the code, if it is deprovisioned,
    /// or if the store is unavailable. On error nothing is stored. If the code was already exchanged, the
    /// tokens stay in this process's memory as long as they are valid, so that a repeat of this call
    /// succeeds.
    pub async fn register(
        &self,
        resource: &ResourceId,
        grant: OauthGrant,
    ) -> Result<(), SyncError> {
        self.directory
            .lifecycle()
            .register(resource, Some(grant), None)
            .await?;
        Ok(())
    }

    /// As [`register`](Self::register), for a resource that also signs in with the version 1 token:
    /// `legacy_id` is the `id` in the provider's response to its provisioning.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub async fn register_legacy(
        &self,
        resource: &ResourceId,
        grant: OauthGrant,
        legacy_id: LegacyId,
    ) -> Result<(), SyncError> {
        let registered =
            self.directory
                .lifecycle()
                .register(resource, Some(grant), Some(legacy_id));
        registered.await?;
        Ok(())
    }

    /// Deprovisions a resource permanently and immediately: its list, its sessions and its tokens are
    /// removed. Its id stays known as deprovisioned and cannot be registered again. Returns false if it was
    /// unknown, or already deprovisioned.
    ///
    /// If Heroku's own DELETE comes later, [`Addon::deprovision`](crate::partner_api::Addon::deprovision)
    /// still runs once. It does not if it has already run and returned
    /// [`Outcome::Later`](crate::partner_api::Outcome::Later), which this call completes.
    ///
    /// # Cancel safety
    /// If the future is dropped, work that has begun is completed.
    ///
    /// # Errors
    /// [`SyncError::Store`] if the store is unavailable. [`SyncError::Busy`] if other work on the resource
    /// is not done after 10 seconds.
    pub async fn deprovision(&self, resource: &ResourceId) -> Result<bool, SyncError> {
        self.directory.lifecycle().end(resource).await
    }

    /// An access token for your own calls to the Platform API on behalf of a resource, renewed
    /// if necessary. Valid for at least 5 minutes unless Heroku cannot be reached.
    ///
    /// # Errors
    /// [`SyncError`] if no token is available.
    pub async fn access_token(&self, resource: &ResourceId) -> Result<SecretString, SyncError> {
        self.directory.access_token(resource).await
    }

    /// Opens a session for a user who proved an email through the partner's own login. The same
    /// list decides, and the session is like one that Heroku's SSO opens.
    ///
    /// `headers` are those of the request: an earlier session of that browser ends. Protect the
    /// login against cross-site requests yourself.
    ///
    /// ```
    /// # use http::{HeaderMap, Response, StatusCode};
    /// # use tower_heroku_sso::{AdmitError, Email, HerokuSso, ResourceId, VerifiedEmail};
    /// # async fn logged_in(
    /// #     sso: HerokuSso, resource: ResourceId, email: Email, headers: HeaderMap,
    /// # ) -> Response<()> {
    /// let mut response = Response::new(());
    /// match sso.admit(&resource, &VerifiedEmail::i_have_verified(email), &headers).await {
    ///     Ok(signed_in) => signed_in.set_cookies(response.headers_mut()),
    ///     Err(AdmitError::NotListed) => *response.status_mut() = StatusCode::FORBIDDEN,
    ///     Err(_) => *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE,
    /// }
    /// # response
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`AdmitError`] if the list does not have the email, or cannot be checked within 15 seconds.
    pub async fn admit(
        &self,
        resource: &ResourceId,
        email: &VerifiedEmail,
        headers: &HeaderMap,
    ) -> Result<SignedIn, AdmitError> {
        admit(&self.gate, resource, email, headers).await
    }

    /// Ends all current sessions of this user at the resource, streams included, and records it
    /// in the audit log. A user who is still on the list can sign in again. To keep the user out, remove
    /// them from the app or the team at Heroku.
    ///
    /// # Cancel safety
    /// If the future is dropped, work that has begun is completed.
    ///
    /// # Errors
    /// [`SyncError`] if the resource is unknown or deprovisioned, or the store is unavailable.
    pub async fn revoke(&self, resource: &ResourceId, email: &Email) -> Result<(), SyncError> {
        self.directory.revoke(resource, email).await
    }

    /// Resources whose refresh token Heroku refused: register each with a new grant. Until then its
    /// list is used up to its age limit, and no longer.
    ///
    /// With several processes, each returns the resources for which it was refused itself.
    pub fn needing_grant(&self) -> Vec<ResourceId> {
        self.directory.needing_grant()
    }

    /// Resources that are dormant, and what revives each. Heroku says that they do not exist, so access
    /// to them is suspended. See [`end_of_a_resource`](crate::guide::end_of_a_resource).
    pub fn dormant(&self) -> Vec<DormantResource> {
        self.directory.dormant()
    }

    /// The current lists, and the changes to them: see [`Changes`].
    pub fn changes(&self) -> Changes {
        self.directory.changes()
    }

    /// Whether the store answers, and the state of the lists.
    ///
    /// If this returns, the process is alive. [`Health::fresh`] says whether its lists are
    /// fresh enough to admit users.
    ///
    /// # Errors
    /// [`SyncError::Store`] if the store is unavailable.
    pub async fn health(&self) -> Result<Health, SyncError> {
        // For a resource that does not exist: the cheapest read.
        self.directory.store().get(&Uuid::nil().into()).await?;
        Ok(self.directory.health())
    }
}
