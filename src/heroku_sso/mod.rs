//! The one value that a partner builds, and everything hangs on.

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
    AdmitError, GateState, HerokuSsoLayer, HerokuUser, RequireLayer, SignedIn, VerifiedEmail,
};
use crate::ids::{LegacyId, ResourceId, UserId};
use crate::session::{ExpiredDeletion, SweepHandle, sweep};
use crate::sync::{
    Absences, Changes, Directory, DormantResource, Explanation, Health, OauthGrant, SyncError,
    SyncHandle,
};

pub use builder::HerokuSsoBuilder;

/// SSO for one add-on: makes the layer, keeps the lists, answers questions about them.
///
/// Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct HerokuSso {
    pub(crate) gate: Arc<GateState>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) manifest: Arc<Manifest>,
}

impl HerokuSso {
    /// The gate: wraps a service so that only people on the resource's list get through. Also
    /// answers the SSO path and the sign-out path. See [`gate`](crate::gate).
    ///
    /// In axum, `.merge(...)` and `.nest(...)` can take away the fallback by which those two paths
    /// reach the layer; then also merge [`endpoints`](Self::endpoints) or
    /// [`partner_api`](Self::partner_api), which route them.
    pub fn layer(&self) -> HerokuSsoLayer {
        HerokuSsoLayer::guard(Arc::clone(&self.gate))
    }

    /// As [`layer`](Self::layer), but **lets everybody through**: it only tells the wrapped service
    /// who is signed in, for pages that greet a customer and serve a stranger too.
    pub fn identify_layer(&self) -> HerokuSsoLayer {
        HerokuSsoLayer::identify(Arc::clone(&self.gate))
    }

    /// For routes inside [`layer`](Self::layer): lets only people in this role pass. See
    /// [`RequireLayer`].
    pub fn require(&self, role: Role) -> RequireLayer {
        RequireLayer::any_of([role])
    }

    /// For routes inside [`layer`](Self::layer): lets only people in one of `roles` pass. See
    /// [`RequireLayer`].
    pub fn require_any(&self, roles: impl IntoIterator<Item = Role>) -> RequireLayer {
        RequireLayer::any_of(roles)
    }

    /// For routes inside [`layer`](Self::layer): lets only people pass to whom `rule` says yes. See
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

    /// Starts the task that keeps every registered resource's list fresh, on the current Tokio
    /// runtime. It stops when the handle is dropped.
    ///
    /// Without it lists are fetched by sign-ins only, sessions end after one refresh interval, and
    /// nothing is heard of other processes on the same store: whom one of those has revoked stays in
    /// until the session ends. A warning says so.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn spawn_sync(&self) -> SyncHandle {
        self.directory.spawn_sync()
    }

    /// Has a session store delete the records that have expired, every `period`, on the current Tokio
    /// runtime, until the handle is dropped. A failure is logged and does not stop it.
    ///
    /// For stores in a database, such as those of `tower-sessions-sqlx-store`. Redis and moka do this
    /// by themselves, and so does the default store.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, and for a period of zero.
    pub fn spawn_session_sweep(
        &self,
        store: impl ExpiredDeletion,
        period: Duration,
    ) -> SweepHandle {
        assert!(!period.is_zero(), "a sweep needs a period");
        sweep(store, period, Arc::clone(self.directory.clock()))
    }

    /// What is known of a resource and its access list, however old; none before the first fetch.
    ///
    /// # Errors
    /// [`SyncError`] if the resource is unknown or gone, or the store cannot answer.
    pub async fn access_list(
        &self,
        resource: &ResourceId,
    ) -> Result<Option<Arc<Snapshot>>, SyncError> {
        let held = self.directory.known(resource).await?;
        Ok(held.map(|held| Arc::clone(&held.snapshot)))
    }

    /// Fetches a resource's list now. Joins the fetch that is under way, if there is one.
    ///
    /// It is bounded, so that a button for it is at nobody's cost: five times at once for each resource,
    /// and once more every 10 seconds; and over all resources by 150 calls to Heroku at once, and 6 more a
    /// minute, for lists that are younger than the refresh interval (a list is three calls, or four with
    /// a team). Beyond that the answer is the list that there is:
    /// [`fetched_at`](Snapshot::fetched_at) says how old it is.
    ///
    /// # Errors
    /// [`SyncError`] if there is no new list, or none within 15 seconds; the last one stays.
    /// [`SyncError::OverBudget`] says when next, if there is no list yet.
    pub async fn refresh_now(&self, resource: &ResourceId) -> Result<Arc<Snapshot>, SyncError> {
        let held = self.directory.refresh(resource).await?;
        Ok(Arc::clone(&held.snapshot))
    }

    /// Why a person can or cannot sign in to a resource now, in words, for the partner's own staff. It is
    /// the answer of the rule that the gate itself asks, by what this process knows; Heroku is not asked.
    /// `account` is none where only the email is known.
    ///
    /// # Errors
    /// [`SyncError`] if the store cannot say whether there is such a resource.
    pub async fn explain(
        &self,
        resource: &ResourceId,
        email: &Email,
        account: Option<&UserId>,
    ) -> Result<Explanation, SyncError> {
        self.directory.explain(resource, email, account).await
    }

    /// Takes in a resource that was provisioned some other way than through
    /// [`partner_api`](Self::partner_api). May be repeated: what is there already stays unless the
    /// grant is a better one, see [`OauthGrant`]. To try the tokens, call
    /// [`refresh_now`](Self::refresh_now).
    ///
    /// # Cancel safety
    /// If the future is dropped, what has begun is done all the same: tokens that Heroku has given are
    /// not lost.
    ///
    /// # Errors
    /// [`SyncError`] if the resource has no tokens yet and Heroku refuses the code, if it is gone, or
    /// if the store cannot answer. Nothing has changed then, but for a code that Heroku has taken: what
    /// it gave for it is kept in this process's memory, as long as it works, for a repeat of this call.
    pub async fn register(
        &self,
        resource: &ResourceId,
        grant: OauthGrant,
    ) -> Result<(), SyncError> {
        self.directory.register(resource, Some(grant), None).await?;
        Ok(())
    }

    /// As [`register`](Self::register), for a resource that signs in by the version 1 token too:
    /// `legacy_id` is the `id` that the provider answered at its provisioning.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub async fn register_legacy(
        &self,
        resource: &ResourceId,
        grant: OauthGrant,
        legacy_id: LegacyId,
    ) -> Result<(), SyncError> {
        let registered = self
            .directory
            .register(resource, Some(grant), Some(legacy_id));
        registered.await?;
        Ok(())
    }

    /// Ends a resource for good and immediately: its list, its sessions and its tokens. Its id stays known
    /// as deprovisioned and cannot be registered again. False if it was not known, or deprovisioned
    /// already.
    ///
    /// If Heroku's own DELETE comes later, [`Addon::deprovision`](crate::partner_api::Addon::deprovision)
    /// runs once nevertheless; not if it has run before with
    /// [`Outcome::Later`](crate::partner_api::Outcome::Later), which this call completes.
    ///
    /// # Cancel safety
    /// If the future is dropped, what has begun is done all the same.
    ///
    /// # Errors
    /// [`SyncError::Store`]; [`SyncError::Busy`] if other work on the resource is not done after 10 seconds.
    pub async fn deprovision(&self, resource: &ResourceId) -> Result<bool, SyncError> {
        self.directory.end(resource).await
    }

    /// An access token for calls of your own to the Platform API on behalf of a resource, renewed
    /// if need be. Good for at least 5 minutes unless Heroku cannot be reached.
    ///
    /// # Errors
    /// [`SyncError`] if there is none to be had.
    pub async fn access_token(&self, resource: &ResourceId) -> Result<SecretString, SyncError> {
        self.directory.access_token(resource).await
    }

    /// Opens a session for somebody who proved an email through the partner's own login: the same
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
        self.gate.admit(resource, email, headers).await
    }

    /// Ends every session that this person has at the resource by now, streams included, and says so
    /// in the audit log. Whoever is still on the list can sign in again: to keep somebody out, take
    /// them off the app or the team at Heroku.
    ///
    /// # Cancel safety
    /// If the future is dropped, what has begun is done all the same.
    ///
    /// # Errors
    /// [`SyncError`] if the resource is unknown or gone, or the store cannot answer.
    pub async fn revoke(&self, resource: &ResourceId, email: &Email) -> Result<(), SyncError> {
        self.directory.revoke(resource, email).await
    }

    /// Resources whose refresh token Heroku refused: register each with a new grant. Until then its
    /// list is served to its age limit, and no longer.
    ///
    /// Of several processes each names those that it was refused itself.
    pub fn needing_grant(&self) -> Vec<ResourceId> {
        self.directory.needing_grant()
    }

    /// Resources that are dormant, and what revives each: Heroku says that they are not there, so access
    /// to them is suspended. See [`end_of_a_resource`](crate::guide::end_of_a_resource).
    pub fn dormant(&self) -> Vec<DormantResource> {
        Absences::of(&self.directory).dormant()
    }

    /// The lists as they are, and what changes on them: see [`Changes`].
    pub fn changes(&self) -> Changes {
        self.directory.changes()
    }

    /// Whether the store answers, and how things stand with the lists.
    ///
    /// That this returns says that the process is alive; [`Health::fresh`] says whether its lists are
    /// good enough to let people in.
    ///
    /// # Errors
    /// [`SyncError::Store`] if the store does not answer.
    pub async fn health(&self) -> Result<Health, SyncError> {
        // Of a resource that nobody has: the cheapest question there is.
        self.directory.store().get(&Uuid::nil().into()).await?;
        Ok(self.directory.health())
    }
}
