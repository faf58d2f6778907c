//! Builds the parts of a [`HerokuSso`] from the settings.

use std::sync::Arc;
use std::time::Duration;

use super::{HerokuSso, HerokuSsoBuilder};
use crate::audit::{AuditHook, AuditLog};
use crate::clock::SystemClock;
use crate::config::{Config, CookieTransport, Database, Manifest, SetupError, check, heroku_url};
use crate::gate::GateState;
use crate::heroku::HerokuClient;
#[cfg(feature = "jwt")]
use crate::jwt::Codec;
use crate::meter;
use crate::session::{
    BackendChoice, BoundedSessionStore, MemorySessions, SessionManager, SessionStorage, StorageKind,
};
use crate::sso::SsoPolicy;
use crate::store::{BoundedStore, MemoryStore};
use crate::sync::{Deadlines, Directory, SyncSettings};
use heroku_sso_store::Store;

/// Where resources, tokens and lists are stored.
#[derive(Clone, Debug)]
pub(super) enum StoreChoice {
    Memory,
    Given(Arc<dyn Store>),
    /// In a database that is not connected yet.
    Database(Database),
    /// The environment has an encryption key, but no database for it.
    Missing,
}

impl StoreChoice {
    pub(super) fn of(database: Option<Database>, has_encryption_key: bool) -> Self {
        match database {
            Some(database) => Self::Database(database),
            None if has_encryption_key => Self::Missing,
            None => Self::Memory,
        }
    }
}

pub(super) async fn assemble(builder: HerokuSsoBuilder) -> Result<HerokuSso, SetupError> {
    let HerokuSsoBuilder {
        manifest,
        config,
        clock,
        audit,
        store,
        sessions,
        on_rejection,
    } = builder;
    check(&manifest, &config)?;
    meter::describe();
    warn_of_unsafe_settings(&config);
    let clock = clock.unwrap_or_else(|| Arc::new(SystemClock::default()));
    let audit = audit.map(AuditHook::start).transpose();
    let audit = audit.map_err(|error| SetupError::AuditThread {
        reason: error.to_string(),
    })?;
    let audit = AuditLog::new(Arc::clone(&clock), audit);
    let client = HerokuClient::new(
        heroku_url("api_url", &config.api_url)?,
        heroku_url("id_url", &config.id_url)?,
        manifest.client_secret.clone(),
        config.heroku_timeout,
        config.list_age_limit(),
        Arc::clone(&clock),
    );
    let client = client.map_err(SetupError::Client)?;
    #[cfg(feature = "jwt")]
    let bearers = bearer_codec(&config, &manifest)?;
    let store: Arc<dyn Store> = match store {
        StoreChoice::Given(store) => store,
        StoreChoice::Database(database) => database.open().await?,
        StoreChoice::Missing => {
            return Err(SetupError::Needs {
                setting: "TOKEN_ENCRYPTION_KEY",
                other: "DATABASE_URL, or a `store` of your own: it encrypts tokens in a database, and without \
                        one the state would be in memory only; otherwise unset it",
            });
        }
        StoreChoice::Memory => {
            warn_of_memory(config.cookies);
            Arc::new(MemoryStore::default())
        }
    };
    let closed_after = closed_after(&config, &*store);
    let store = BoundedStore::new(store);
    let sessions = match sessions {
        None if store.sessions().is_none() => Some(MemorySessions::new(Arc::clone(&clock)).into()),
        sessions => sessions,
    };
    let backend = match sessions {
        Some(sessions) => backend(sessions, &config, &manifest, closed_after),
        None => BackendChoice::Own(Arc::clone(&store), config.session_cache),
    };
    let directory = Directory::new(
        client,
        store,
        Arc::clone(&clock),
        sync_settings(&config, audit),
    );
    let sessions = SessionManager::new(
        backend,
        Arc::clone(directory.closed_sessions()),
        clock,
        directory.settings().limits(),
    );
    #[cfg(feature = "jwt")]
    let sessions = match bearers {
        Some(codec) => sessions.with_bearers(Arc::new(codec), closed_after),
        None => sessions,
    };
    let gate = GateState::new(&config, &manifest, directory, sessions, on_rejection);
    Ok(HerokuSso::new(Arc::new(gate), manifest))
}

fn sync_settings(config: &Config, audit: AuditLog) -> SyncSettings {
    SyncSettings {
        refresh_interval: config.refresh_interval,
        idle_interval: config.idle_refresh(),
        max_list_age: config.list_age_limit(),
        max_session: config.longest_session(),
        in_use_for: config.time_in_use(),
        dormant_for: config.dormant_for,
        scope: config.sync_scope,
        rate_pools: config.rate_pools,
        list_policy: config.list_policy,
        include_attached_apps: config.include_attached_apps,
        webhooks: config.webhooks.clone(),
        deadlines: Deadlines::of_calls(config.heroku_timeout),
        audit,
    }
}

/// How long a signed token is used before the store is asked again whether its session was closed. A store
/// that no other process uses is asked once: this process notices every later closing itself.
fn closed_after(config: &Config, store: &dyn Store) -> Duration {
    match store.shared().is_some() {
        true => config.session_cache,
        false => Duration::MAX,
    }
}

/// Where the grants of browsers are stored.
#[cfg_attr(
    not(feature = "jwt"),
    expect(unused_variables, reason = "only signed cookies need them")
)]
fn backend(
    sessions: SessionStorage,
    config: &Config,
    manifest: &Manifest,
    closed_after: Duration,
) -> BackendChoice {
    match sessions.0 {
        StorageKind::Store(store) => {
            BackendChoice::Given(BoundedSessionStore::new(store), config.session_cache)
        }
        #[cfg(feature = "jwt")]
        StorageKind::Cookies(keys) => {
            let codec = Codec::new(*keys, &manifest.slug, &audience(manifest, "session"));
            BackendChoice::Cookie(Arc::new(codec), closed_after)
        }
    }
}

#[cfg(feature = "jwt")]
fn bearer_codec(config: &Config, manifest: &Manifest) -> Result<Option<Codec>, SetupError> {
    let Some(bearers) = &config.bearer_tokens else {
        return Ok(None);
    };
    let keys = bearers.keys.clone().asymmetric();
    let keys = keys.map_err(|source| SetupError::InvalidJwtKey {
        setting: "bearer_tokens",
        source,
    })?;
    let audience = audience(manifest, "bearer");
    Ok(Some(Codec::new(keys, &manifest.slug, &audience)))
}

/// The audience of one kind of token: it is valid at this add-on and at no other, whichever service issues
/// it.
#[cfg(feature = "jwt")]
fn audience(manifest: &Manifest, usage: &str) -> String {
    format!("{}:{usage}", manifest.slug)
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

fn warn_of_unsafe_settings(config: &Config) {
    if config.cookies == CookieTransport::InsecureHttp {
        tracing::warn!(
            "cookies without `Secure`: anyone on the network can read them. For development only"
        );
    }
    if !config.enforcement.is_total() {
        tracing::warn!(
            enforcement = ?config.enforcement,
            "gate is not enforced for all resources: the app's own login decides for the others"
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
