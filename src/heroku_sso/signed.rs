//! What is set up and asked for of signed tokens (feature `jwt`).

use std::sync::Arc;
use std::time::Duration;

use super::{HerokuSso, HerokuSsoBuilder};
use crate::config::{Manifest, SetupError};
use crate::gate::{BearerError, BearerToken, HerokuUser};
use crate::jwt::{Codec, JwtKeys};
use crate::session::{BackendChoice, Sessions};

/// The keys of the uses.
#[derive(Clone, Debug, Default)]
pub(super) struct Signing {
    sessions: Option<JwtKeys>,
    bearers: Option<JwtKeys>,
}

impl HerokuSsoBuilder {
    /// Sessions without a session store: the grant is in the cookie itself, signed. For several
    /// processes that share a [`store`](Self::store) and no session store.
    ///
    /// Nothing else changes. The newest list is asked at every request, sessions follow their list, and
    /// a sign-out or a revocation ends a session at once, in every process: the store remembers what
    /// was closed until the cookie has ended. With a store in memory that is forgotten at a restart,
    /// and a copy of a cookie that was signed out counts again, up to `max_session`. The cookie can be
    /// read by its browser: it holds the grant (resource, email, user id), no secret.
    ///
    /// ```
    /// use tower_heroku_sso::jwt::{JwtKey, JwtKeys};
    /// # use tower_heroku_sso::{HerokuSsoBuilder};
    ///
    /// # fn set_up(builder: HerokuSsoBuilder, secret: &str) -> Result<HerokuSsoBuilder, Box<dyn std::error::Error>> {
    /// let keys = JwtKeys::new(JwtKey::hs256_base64(secret)?);
    /// let builder = builder.stateless(keys);
    /// # Ok(builder)
    /// # }
    /// ```
    pub fn stateless(mut self, keys: JwtKeys) -> Self {
        self.signing.sessions = Some(keys);
        self
    }

    /// Also takes bearer tokens, which [`HerokuSso::bearer_for`] and
    /// [`program_sign_in_path`](Self::program_sign_in_path) hand out: `Authorization: Bearer …` instead
    /// of a cookie. A request that has one is judged by it alone, and the header is taken off when it
    /// passes. ES256 or Ed25519 keys only.
    pub fn bearer_tokens(mut self, keys: JwtKeys) -> Self {
        self.signing.bearers = Some(keys);
        self
    }

    /// How long a signed token is believed without asking the store whether its session was closed. A
    /// store that no other process uses tells nothing new.
    pub(super) fn believed_for(&self) -> Duration {
        let is_shared = self
            .store
            .as_ref()
            .is_some_and(|store| store.shared().is_some());
        match is_shared {
            true => self.config.session_cache,
            false => Duration::MAX,
        }
    }

    pub(super) fn in_cookies(&self) -> Result<Option<BackendChoice>, SetupError> {
        if self.config.program_sign_in_path.is_some() && self.signing.bearers.is_none() {
            return Err(SetupError::Needs {
                setting: "program_sign_in_path",
                other: "bearer_tokens",
            });
        }
        let Some(keys) = &self.signing.sessions else {
            return Ok(None);
        };
        if self.sessions.is_some() {
            return Err(SetupError::Excluded {
                setting: "stateless",
                other: "session_store",
            });
        }
        let slug = &self.manifest.slug;
        let codec = Codec::new(keys.clone(), slug, &audience(slug, "session"));
        Ok(Some(BackendChoice::Cookie(
            Arc::new(codec),
            self.believed_for(),
        )))
    }
}

/// Where tokens of one use count: at this add-on, and at no other, whoever issues them.
fn audience(slug: &str, usage: &str) -> String {
    format!("{slug}:{usage}")
}

impl Signing {
    pub(super) fn add_bearers(
        self,
        sessions: Sessions,
        manifest: &Manifest,
        cached_for: Duration,
    ) -> Result<Sessions, SetupError> {
        let Some(keys) = self.bearers else {
            return Ok(sessions);
        };
        let keys = keys.asymmetric();
        let keys = keys.map_err(|source| SetupError::InvalidJwtKey {
            setting: "bearer_tokens",
            source,
        })?;
        let codec = Codec::new(keys, &manifest.slug, &audience(&manifest.slug, "bearer"));
        Ok(sessions.with_bearers(Arc::new(codec), cached_for))
    }
}

impl HerokuSso {
    /// A bearer token for whoever is behind a request, for the add-on's own API: it says who it is as
    /// their session does, and is good as long as that is.
    ///
    /// Hand it out over https only, never in a URL. Wants
    /// [`bearer_tokens`](HerokuSsoBuilder::bearer_tokens).
    ///
    /// # Errors
    /// [`BearerError`] if bearer tokens are not set up, or the key cannot sign.
    pub fn bearer_for(&self, user: &HerokuUser) -> Result<BearerToken, BearerError> {
        self.gate.bearer_for(user)
    }
}
