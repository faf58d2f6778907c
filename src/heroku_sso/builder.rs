//! The builder of [`HerokuSso`].

use std::sync::Arc;
use std::time::Duration;

use super::HerokuSso;
use crate::access::ListPolicy;
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::config::{
    Config, CookieTransport, Manifest, OnExpired, SessionLife, SetupError, Streams, check,
};
use crate::gate::GateState;
use crate::heroku::{HerokuClient, HerokuUrl};
use crate::session::{
    BackendChoice, BoundedSessionStore, MemorySessions, SessionManager, SessionStore,
};
use crate::sso::SsoPolicy;
use crate::store::author::Store;
use crate::store::{BoundedStore, MemoryStore};
use crate::sync::{Deadlines, Directory, RatePools, SyncScope, SyncSettings};
use crate::webhook::Webhooks;

/// Builds a [`HerokuSso`]. Every setting has a default; [`Config`] documents each, and the reason for it.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct HerokuSsoBuilder {
    pub(super) manifest: Manifest,
    pub(super) config: Config,
    clock: Option<SharedClock>,
    pub(super) store: Option<Arc<dyn Store>>,
    pub(super) sessions: Option<Arc<dyn SessionStore>>,
    #[cfg(feature = "jwt")]
    pub(super) signing: super::signed::Signing,
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
    pub(super) fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            config: Config::default(),
            clock: None,
            store: None,
            sessions: None,
            #[cfg(feature = "jwt")]
            signing: super::signed::Signing::default(),
        }
    }

    /// Replaces all settings together, for example by [`Config::from_env`]. Call it before the methods for
    /// single settings.
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
        /// [`Config::in_use_for`].
        in_use_for: Duration => |config, time| config.in_use_for = Some(time);
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
        /// [`Config::dormant_for`].
        dormant_for: Duration => |config, time| config.dormant_for = time;
        /// [`Config::session_cache`].
        session_cache: Duration => |config, time| config.session_cache = time;
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
        /// [`Config::resource_in_path`].
        resource_in_path: &str => |config, path| config.resource_in_path = Some(path.to_owned());
        /// [`Config::cli_sign_in_path`].
        cli_sign_in_path: &str => |config, path| {
            config.cli_sign_in_path = Some(path.to_owned());
        };
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

    /// [`Config::include_attached_apps`]: people of apps that the add-on is attached to are admitted, without
    /// roles.
    pub fn include_attached_apps(mut self) -> Self {
        self.config.include_attached_apps = true;
        self
    }

    /// [`SessionLife::Fixed`]: a session ends one `refresh_interval` after its sign-in, regardless of
    /// later refreshes.
    pub fn fixed_sessions(mut self) -> Self {
        self.config.session_life = SessionLife::Fixed;
        self
    }

    /// [`Config::explain_rejections`]: rejections state the reason, in development.
    pub fn explain_rejections(mut self) -> Self {
        self.config.explain_rejections = true;
        self
    }

    /// Where resources, tokens, lists and used SSO requests are stored. Default: [`MemoryStore`].
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Where sessions are stored: any store of the tower-sessions 0.14 line. Default:
    /// [`MemorySessions`].
    ///
    /// The gate uses the name `heroku_sso` in each record; all other names are yours. A record is written
    /// at a sign-in, deleted at a sign-out, and not touched in between.
    pub fn session_store(mut self, sessions: impl SessionStore) -> Self {
        self.sessions = Some(Arc::new(sessions));
        self
    }

    /// The clock of all parts. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Checks the settings and builds the parts.
    ///
    /// # Errors
    /// [`SetupError`] names the invalid setting.
    pub fn build(self) -> Result<HerokuSso, SetupError> {
        check(&self.config)?;
        warn_of_what_is_unsafe(&self.config);
        if self.store.is_none() {
            warn_of_memory(self.config.cookies);
        }
        let clock = self
            .clock
            .clone()
            .unwrap_or_else(|| Arc::new(SystemClock::default()));
        let backend = self.session_backend(&clock)?;
        #[cfg(feature = "jwt")]
        let believed_for = self.believed_for();
        let config = self.config;
        let store = self
            .store
            .unwrap_or_else(|| Arc::new(MemoryStore::default()));
        let (max_list_age, in_use_for) = (config.list_age_limit(), config.time_in_use());
        let max_session = config.longest_session();
        let client = HerokuClient::new(
            config.api_url.clone(),
            config.id_url.clone(),
            self.manifest.client_secret.clone(),
            config.heroku_timeout,
            max_list_age,
            Arc::clone(&clock),
        );
        let directory = Directory::new(
            client.map_err(SetupError::Client)?,
            BoundedStore::new(store),
            Arc::clone(&clock),
            SyncSettings {
                refresh_interval: config.refresh_interval,
                idle_interval: config.idle_interval,
                max_list_age,
                max_session,
                in_use_for,
                dormant_for: config.dormant_for,
                scope: config.sync_scope,
                rate_pools: config.rate_pools,
                list_policy: config.list_policy,
                include_attached_apps: config.include_attached_apps,
                webhooks: config.webhooks.clone(),
                deadlines: Deadlines::of_calls(config.heroku_timeout),
            },
        );
        let sessions = SessionManager::new(
            backend,
            Arc::clone(directory.closed_sessions()),
            clock,
            directory.settings().limits(),
        );
        #[cfg(feature = "jwt")]
        let sessions = self
            .signing
            .add_bearers(sessions, &self.manifest, believed_for)?;
        let gate = GateState::new(&config, &self.manifest, directory, sessions);
        Ok(HerokuSso::new(Arc::new(gate), self.manifest))
    }

    /// Where the grants of browsers are stored.
    fn session_backend(&self, clock: &SharedClock) -> Result<BackendChoice, SetupError> {
        #[cfg(feature = "jwt")]
        if let Some(backend) = self.in_cookies()? {
            return Ok(backend);
        }
        #[cfg(not(feature = "jwt"))]
        if self.config.cli_sign_in_path.is_some() {
            return Err(SetupError::Needs {
                setting: "cli_sign_in_path",
                other: "the feature `jwt`",
            });
        }
        Ok(match &self.sessions {
            Some(store) => self.stored_in(Arc::clone(store)),
            None => self.stored_in(Arc::new(MemorySessions::new(Arc::clone(clock)))),
        })
    }

    fn stored_in(&self, store: Arc<dyn SessionStore>) -> BackendChoice {
        let store = BoundedSessionStore::new(store);
        BackendChoice::Store(store, self.config.session_cache)
    }
}

/// Warns where customers sign in, as a restart would lose the data.
fn warn_of_memory(cookies: CookieTransport) {
    const TEXT: &str = "resources, tokens and lists are in memory only: a restart loses them; a grant \
                        code works once, so customers must then be provisioned again: see \
                        HerokuSsoBuilder::store";
    match cookies {
        CookieTransport::Https => tracing::warn!("{TEXT}"),
        CookieTransport::InsecureHttp => tracing::info!("{TEXT}"),
    }
}

fn warn_of_what_is_unsafe(config: &Config) {
    if config.cookies == CookieTransport::InsecureHttp {
        tracing::warn!(
            "cookies without `Secure`: anyone on the network can read them. For development only"
        );
    }
    if config.sso_policy != SsoPolicy::UserScoped {
        tracing::warn!(
            policy = %config.sso_policy,
            "sso policy accepts unsigned emails: a user can claim any address on their resource's list. \
             HEROKU_SSO_POLICY=user-scoped (`sso_policy`) rejects them"
        );
    }
}
