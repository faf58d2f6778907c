//! The partner's choice of where sessions are stored.

use std::sync::Arc;

use tower_sessions::SessionStore;

#[cfg(feature = "jwt")]
use crate::jwt::JwtKeys;

/// Where sessions are stored: [`HerokuSsoBuilder::session_store`](crate::HerokuSsoBuilder::session_store).
/// Made from any store of the tower-sessions 0.14 line, or from `CookieSessions` (feature `jwt`).
#[derive(Clone, Debug)]
pub struct SessionStorage(pub(crate) StorageKind);

#[derive(Clone, Debug)]
pub(crate) enum StorageKind {
    Store(Arc<dyn SessionStore>),
    #[cfg(feature = "jwt")]
    Cookies(Box<JwtKeys>),
}

impl<S: SessionStore> From<S> for SessionStorage {
    fn from(store: S) -> Self {
        Self(StorageKind::Store(Arc::new(store)))
    }
}

/// Sessions without a session store (feature `jwt`): the grant is in the cookie itself, signed. For several
/// processes that share a [`store`](crate::HerokuSsoBuilder::store) and no session store.
///
/// Nothing else changes. Resources, tokens and lists stay in the store. The newest list decides at every
/// request, and sessions follow their list. A sign-out or a revocation ends a session immediately, in every
/// process: the store remembers closed sessions until their cookies have expired. A store in memory forgets
/// them at a restart. A copy of a signed-out cookie is then valid again, up to `max_session`. The cookie is
/// readable by its browser: it contains the grant (resource, email, user id), no secret.
///
/// ```
/// use tower_heroku_sso::jwt::{JwtKey, JwtKeys};
/// use tower_heroku_sso::{CookieSessions, HerokuSsoBuilder};
///
/// # fn set_up(
/// #     builder: HerokuSsoBuilder, secret: &str,
/// # ) -> Result<HerokuSsoBuilder, Box<dyn std::error::Error>> {
/// let keys = JwtKeys::new(JwtKey::hs256_base64(secret)?);
/// let builder = builder.session_store(CookieSessions::new(keys));
/// # Ok(builder)
/// # }
/// ```
///
/// [`HerokuSso::from_env`](crate::HerokuSso::from_env) stores sessions in cookies if `SESSION_KEY` is set.
#[cfg(feature = "jwt")]
#[derive(Clone, Debug)]
#[must_use = "the settings do nothing until they are given to a builder"]
pub struct CookieSessions {
    keys: JwtKeys,
}

#[cfg(feature = "jwt")]
impl CookieSessions {
    /// Cookies signed with the first of these keys, and verified with all.
    pub fn new(keys: JwtKeys) -> Self {
        Self { keys }
    }
}

#[cfg(feature = "jwt")]
impl From<CookieSessions> for SessionStorage {
    fn from(sessions: CookieSessions) -> Self {
        Self(StorageKind::Cookies(Box::new(sessions.keys)))
    }
}
