//! The one value that a partner builds, and everything hangs on.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use secrecy::SecretString;

use crate::access::{Email, ListPolicy, Role, Snapshot};
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::config::{
    Config, CookieTransport, Manifest, OnExpired, SessionLife, SetupError, Streams,
};
use crate::gate::{
    AdmitError, HerokuSsoLayer, Keeper, Parts, RequireRoleLayer, SignedIn, VerifiedEmail,
};
use crate::heroku::{HerokuClient, HerokuUrl};
use crate::ids::{LegacyId, ResourceId};
use crate::session::{Cookies, MemorySessions, SessionStore, Sessions};
use crate::sso::{SsoPolicy, Verifier};
use crate::store::{MemoryStore, Store};
use crate::sync::{
    Changes, Directory, Health, OauthGrant, RatePools, SyncError, SyncHandle, SyncScope,
    SyncSettings,
};
use crate::webhook::Webhooks;

/// SSO for one add-on: makes the layer, keeps the lists, answers questions about them.
///
/// Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct HerokuSso {
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) manifest: Arc<Manifest>,
}

impl HerokuSso {
    /// Starts with the manifest, which has no defaults; everything else has one.
    pub fn builder(manifest: Manifest) -> HerokuSsoBuilder {
        HerokuSsoBuilder {
            manifest,
            config: Config::default(),
            clock: None,
            store: None,
            sessions: None,
        }
    }

    /// The gate: wraps a service so that only people on the resource's list get through. Also
    /// answers the SSO path and the sign-out path. See [`gate`](crate::gate).
    ///
    /// In axum, `.merge(...)` and `.nest(...)` can take away the fallback by which those two paths
    /// reach the layer; then also merge [`endpoints`](Self::endpoints) or
    /// [`partner_api`](Self::partner_api), which route them.
    pub fn layer(&self) -> HerokuSsoLayer {
        HerokuSsoLayer::guard(Arc::clone(&self.keeper))
    }

    /// As [`layer`](Self::layer), but **lets everybody through**: it only tells the wrapped service
    /// who is signed in, for pages that greet a customer and serve a stranger too.
    pub fn identify_layer(&self) -> HerokuSsoLayer {
        HerokuSsoLayer::identify(Arc::clone(&self.keeper))
    }

    /// For routes inside [`layer`](Self::layer): lets only people in one of `roles` pass.
    pub fn require_any(&self, roles: impl IntoIterator<Item = Role>) -> RequireRoleLayer {
        RequireRoleLayer::any_of(roles)
    }

    /// Starts the task that keeps every registered resource's list fresh, on the current Tokio
    /// runtime. It stops when the handle is dropped.
    ///
    /// Without it nobody gets in wrongly; sessions then end after one refresh interval and the next
    /// sign-in fetches the list.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn spawn_sync(&self) -> SyncHandle {
        self.directory.spawn_sync()
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
    /// # Errors
    /// [`SyncError`] if there is no new list; the last one stays.
    pub async fn refresh_now(&self, resource: &ResourceId) -> Result<Arc<Snapshot>, SyncError> {
        let held = self.directory.refresh(resource).await?;
        Ok(Arc::clone(&held.snapshot))
    }

    /// Takes in a resource that was provisioned some other way than through
    /// [`partner_api`](Self::partner_api). May be repeated: what is there already stays unless the
    /// grant is a better one, see [`OauthGrant`]. To try the tokens, call
    /// [`refresh_now`](Self::refresh_now).
    ///
    /// # Errors
    /// [`SyncError`] if the resource has no tokens yet and Heroku refuses the code, if it is gone, or
    /// if the store cannot answer. Nothing has changed then.
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

    /// Ends a resource for good: its list, its sessions and its tokens. Its id stays known as gone and
    /// cannot be registered again. False if it was not known, or gone already.
    ///
    /// # Errors
    /// [`SyncError::Store`].
    pub async fn forget(&self, resource: &ResourceId) -> Result<bool, SyncError> {
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
    /// [`AdmitError`] if the list does not have the email, or cannot be checked.
    pub async fn admit(
        &self,
        resource: &ResourceId,
        email: &VerifiedEmail,
        headers: &HeaderMap,
    ) -> Result<SignedIn, AdmitError> {
        self.keeper.admit(resource, email, headers).await
    }

    /// Ends every session that this person has at the resource by now, streams included, and says so
    /// in the audit log. Whoever is still on the list can sign in again: to keep somebody out, take
    /// them off the app or the team at Heroku.
    ///
    /// # Errors
    /// [`SyncError`] if the resource is unknown or gone, or the store cannot answer.
    pub async fn revoke(&self, resource: &ResourceId, email: &Email) -> Result<(), SyncError> {
        self.directory.revoke(resource, email).await
    }

    /// Resources whose refresh token Heroku refused: register each with a new grant. Until then its
    /// list is served to its age limit, and no longer.
    pub fn needing_grant(&self) -> Vec<ResourceId> {
        self.directory.needing_grant()
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
        self.directory.store().active(None, 1).await?;
        Ok(self.directory.health())
    }
}

/// Sets up a [`HerokuSso`]. Every setting has a default; [`Config`] says which, and why.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct HerokuSsoBuilder {
    manifest: Manifest,
    config: Config,
    clock: Option<SharedClock>,
    store: Option<Arc<dyn Store>>,
    sessions: Option<Arc<dyn SessionStore>>,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty => $set:expr;)*) => {
        $($(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            let set: fn(&mut Config, $type) = $set;
            set(&mut self.config, $name);
            self
        })*
    };
}

impl HerokuSsoBuilder {
    /// Replaces all settings at once, for example by [`Config::from_env`].
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    settings! {
        /// [`Config::sso_policy`].
        sso_policy: SsoPolicy => |config, policy| config.sso_policy = policy;
        /// [`Config::sso_max_age`].
        sso_max_age: Duration => |config, age| config.sso_max_age = age;
        /// [`Config::sso_max_skew`].
        sso_max_skew: Duration => |config, skew| config.sso_max_skew = skew;
        /// [`Config::list_policy`].
        list_policy: ListPolicy => |config, policy| config.list_policy = policy;
        /// [`Config::refresh_interval`].
        refresh_interval: Duration => |config, interval| config.refresh_interval = interval;
        /// [`Config::idle_interval`].
        idle_interval: Duration => |config, interval| config.idle_interval = interval;
        /// [`Config::max_list_age`].
        max_list_age: Duration => |config, age| config.max_list_age = Some(age);
        /// [`Config::sync_scope`].
        sync_scope: SyncScope => |config, scope| config.sync_scope = scope;
        /// [`Config::rate_pools`].
        rate_pools: RatePools => |config, pools| config.rate_pools = pools;
        /// [`Config::max_session`].
        max_session: Duration => |config, length| config.max_session = length;
        /// [`Config::on_expired`].
        on_expired: OnExpired => |config, answer| config.on_expired = answer;
        /// [`Config::streams`].
        streams: Streams => |config, streams| config.streams = streams;
        /// [`Config::sso_path`].
        sso_path: &str => |config, path| config.sso_path = path.to_owned();
        /// [`Config::sign_out_path`].
        sign_out_path: &str => |config, path| config.sign_out_path = path.to_owned();
        /// [`Config::landing_path`].
        landing_path: &str => |config, path| config.landing_path = path.to_owned();
        /// [`Config::api_url`].
        api_url: HerokuUrl => |config, url| config.api_url = url;
        /// [`Config::id_url`].
        id_url: HerokuUrl => |config, url| config.id_url = url;
        /// [`Config::heroku_timeout`].
        heroku_timeout: Duration => |config, timeout| config.heroku_timeout = timeout;
        /// [`Config::webhooks`].
        webhooks: Webhooks => |config, webhooks| config.webhooks = Some(webhooks);
        /// [`Config::cookies`].
        cookies: CookieTransport => |config, transport| config.cookies = transport;
    }

    /// [`SessionLife::Fixed`]: a session ends one refresh interval after its sign-in.
    pub fn fixed_sessions(mut self) -> Self {
        self.config.session_life = SessionLife::Fixed;
        self
    }

    /// Where resources, tokens, lists and used SSO requests are kept. Default: [`MemoryStore`].
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Where sessions are kept: any store of the tower-sessions 0.14 line. Default:
    /// [`MemorySessions`].
    pub fn session_store(mut self, sessions: impl SessionStore) -> Self {
        self.sessions = Some(Arc::new(sessions));
        self
    }

    /// The clock of every part. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Checks the settings and puts the parts together.
    ///
    /// # Errors
    /// [`SetupError`] says which setting cannot be right.
    pub fn build(self) -> Result<HerokuSso, SetupError> {
        let config = self.config;
        config.check()?;
        let clock = self
            .clock
            .unwrap_or_else(|| Arc::new(SystemClock::default()));
        let store = self
            .store
            .unwrap_or_else(|| Arc::new(MemoryStore::default()));
        let session_store = self
            .sessions
            .unwrap_or_else(|| Arc::new(MemorySessions::new(Arc::clone(&clock))));
        let heroku_is_local = config.api_url.is_loopback();
        let max_list_age = config.list_age_limit();
        let client = HerokuClient::new(
            config.api_url,
            config.id_url,
            self.manifest.client_secret.clone(),
            config.heroku_timeout,
            Arc::clone(&clock),
        );
        let directory = Directory::new(
            client.map_err(SetupError::Client)?,
            store,
            Arc::clone(&clock),
            SyncSettings {
                refresh_interval: config.refresh_interval,
                idle_interval: config.idle_interval,
                max_list_age,
                max_session: config.max_session,
                scope: config.sync_scope,
                rate_pools: config.rate_pools,
                list_policy: config.list_policy,
                webhooks: config.webhooks,
            },
        );
        let sessions = Sessions::new(
            session_store,
            clock,
            config.session_life,
            config.refresh_interval,
            config.max_session,
        );
        let verifier = Verifier::new(self.manifest.sso_salts.iter().cloned())
            .policy(config.sso_policy)
            .max_age(config.sso_max_age)
            .max_skew(config.sso_max_skew);
        let keeper = Keeper::new(Parts {
            directory: Arc::clone(&directory),
            sessions,
            cookies: Cookies::new(config.cookies, &self.manifest.client_secret),
            verifier,
            on_expired: config.on_expired,
            streams: config.streams,
            sso_path: config.sso_path,
            sign_out_path: config.sign_out_path,
            landing_path: config.landing_path,
            heroku_is_local,
        });
        Ok(HerokuSso {
            keeper,
            directory,
            manifest: Arc::new(self.manifest),
        })
    }
}
