//! Configuration and use of signed tokens (feature `jwt`).

use std::sync::Arc;
use std::time::Duration;

use super::HerokuSsoBuilder;
use crate::config::{Manifest, SetupError};
use crate::jwt::{Codec, JwtKeys};
use crate::session::{BackendChoice, SessionManager};

/// The keys for each use.
#[derive(Clone, Debug, Default)]
pub(super) struct Signing {
    sessions: Option<JwtKeys>,
    bearers: Option<JwtKeys>,
}

impl HerokuSsoBuilder {
    /// Sessions without a session store: the grant is in the cookie itself, signed. For several
    /// processes that share a [`store`](Self::store) and no session store.
    ///
    /// Nothing else changes. Resources, tokens and lists stay in the store. The newest list decides at every
    /// request, and sessions follow their list. A sign-out or a revocation ends a session immediately, in
    /// every process: the store remembers closed sessions until their cookies have expired. A store in memory
    /// forgets them at a restart. A copy of a signed-out cookie is then valid again, up to `max_session`. The
    /// cookie is readable by its browser: it contains the grant (resource, email, user id), no secret.
    ///
    /// ```
    /// use tower_heroku_sso::jwt::{JwtKey, JwtKeys};
    /// # use tower_heroku_sso::{HerokuSsoBuilder};
    ///
    /// # fn set_up(builder: HerokuSsoBuilder, secret: &str) -> Result<HerokuSsoBuilder, Box<dyn
    /// std::error::Error>> { let keys = JwtKeys::new(JwtKey::hs256_base64(secret)?); let builder =
    /// builder.stateless(keys);
    /// # Ok(builder)
    /// # }
    /// ```
    pub fn stateless(mut self, keys: JwtKeys) -> Self {
        self.signing.sessions = Some(keys);
        self
    }

    /// Also accepts bearer tokens, which [`Sessions::bearer`](crate::Sessions::bearer) and
    /// [`cli_sign_in_path`](Self::cli_sign_in_path) issue: `Authorization: Bearer …` instead
    /// of a cookie. If a request has such a header, only the token counts. The header is removed when the
    /// request is admitted. ES256 or Ed25519 keys only.
    pub fn bearer_tokens(mut self, keys: JwtKeys) -> Self {
        self.signing.bearers = Some(keys);
        self
    }

    /// How long a signed token is used before the store is asked whether its session was closed. A
    /// store that no other process uses has nothing to add.
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
        if self.config.cli_sign_in_path.is_some() && self.signing.bearers.is_none() {
            return Err(SetupError::Needs {
                setting: "cli_sign_in_path",
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

/// The audience of one kind of token: it is valid at this add-on and at no other, whichever service issues
/// it.
fn audience(slug: &str, usage: &str) -> String {
    format!("{slug}:{usage}")
}

impl Signing {
    pub(super) fn add_bearers(
        self,
        sessions: SessionManager,
        manifest: &Manifest,
        cached_for: Duration,
    ) -> Result<SessionManager, SetupError> {
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
