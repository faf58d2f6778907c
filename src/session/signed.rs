//! Grants in signed tokens, which need no store: in a cookie, or as a bearer token.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::SessionKey;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::cache::{Cached, GrantCache};
use super::circuit_breaker::CircuitBreaker;
use super::{Grant, SessionRef};
use crate::clock::SharedClock;
use crate::jwt::{Claims, Codec, JwtError};
use crate::store::StoreError;
use crate::sync::ClosedSessions;

/// The claims of a session in a cookie.
#[derive(Deserialize, Serialize)]
pub(super) struct CookieClaims(SessionClaims);

/// The claims of a bearer token.
#[derive(Deserialize, Serialize)]
pub(super) struct BearerClaims(SessionClaims);

#[derive(Deserialize, Serialize)]
pub(super) struct SessionClaims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    /// The session itself, or the one from which the token came: the token ends when that session is closed.
    sid: SessionKey,
    grant: Grant,
}

/// The claims of one kind of token.
pub(super) trait SignedClaims: Claims + From<SessionClaims> + Into<SessionClaims> {
    /// The session of such a token.
    fn session(key: SessionKey) -> SessionRef;
}

macro_rules! claims {
    ($name:ident, $type:literal, $session:path) => {
        impl Claims for $name {
            const TYPE: &'static str = $type;
            const LEEWAY: i64 = 0;

            fn issuer(&self) -> &str {
                &self.0.iss
            }
            fn audience(&self) -> &str {
                &self.0.aud
            }
            fn expires_at(&self) -> i64 {
                self.0.exp
            }
            fn not_before(&self) -> Option<i64> {
                self.0.nbf
            }
        }

        impl SignedClaims for $name {
            fn session(key: SessionKey) -> SessionRef {
                $session(key)
            }
        }

        impl From<SessionClaims> for $name {
            fn from(claims: SessionClaims) -> Self {
                Self(claims)
            }
        }

        impl From<$name> for SessionClaims {
            fn from(claims: $name) -> Self {
                claims.0
            }
        }
    };
}

claims! { CookieClaims, "heroku-session+jwt", SessionRef::Signed }
claims! { BearerClaims, "heroku-bearer+jwt", SessionRef::Bearer }

/// Signs and reads the tokens of one kind.
pub(super) struct SignedSessions<C> {
    codec: Arc<Codec>,
    clock: SharedClock,
    closed: Arc<ClosedSessions>,
    /// Tokens whose signature was checked before, and which the store does not know as closed.
    read_before: GrantCache,
    outage: CircuitBreaker,
    claims: PhantomData<fn() -> C>,
}

impl<C: SignedClaims> SignedSessions<C> {
    /// `cached_for` is how long a token is used before the store is asked whether its session was closed.
    pub(super) fn new(
        codec: Arc<Codec>,
        clock: SharedClock,
        closed: Arc<ClosedSessions>,
        cached_for: Duration,
    ) -> Self {
        Self {
            codec,
            clock,
            closed,
            read_before: GrantCache::new(cached_for),
            outage: CircuitBreaker::default(),
            claims: PhantomData,
        }
    }

    /// A token for the session `key`, valid as long as the session may last.
    pub(super) fn sign(
        &self,
        key: &SessionKey,
        grant: &Grant,
        latest_end: OffsetDateTime,
    ) -> Result<String, JwtError> {
        // Rounded up to whole seconds: a token outlives its session by less than one, and the session's own
        // end counts.
        let ends = latest_end + time::Duration::nanoseconds(999_999_999);
        self.codec.sign(&C::from(SessionClaims {
            iss: self.codec.issuer.to_string(),
            aud: self.codec.audience.to_string(),
            iat: self.clock.now().unix_timestamp(),
            exp: ends.unix_timestamp(),
            nbf: None,
            sid: key.clone(),
            grant: grant.clone(),
        }))
    }

    /// The session and grant of a token that is valid now, whether or not the session was closed.
    pub(super) fn read(&self, token: &str) -> Option<(SessionKey, Grant)> {
        let claims = self
            .codec
            .verify::<C>(token, self.clock.now().unix_timestamp());
        let claims: SessionClaims = match claims {
            Ok(claims) => claims.into(),
            Err(reason) => {
                tracing::debug!(%reason, "signed session rejected");
                return None;
            }
        };
        let is_readable = claims.grant.is_readable();
        is_readable.then_some((claims.sid, claims.grant))
    }

    /// The session of a token that was read before, unless it has been closed since; it may have ended.
    pub(super) fn cached_copy(&self, token: &str, now: Duration) -> Option<Arc<Cached>> {
        self.read_before.get(token, &self.closed, now)
    }

    /// The session and grant of a token, unless any process has closed the session.
    pub(super) async fn find(
        &self,
        token: &str,
    ) -> Result<Option<(SessionRef, Arc<Grant>)>, StoreError> {
        if let Some(copy) = self.cached_copy(token, self.clock.elapsed()) {
            return Ok(Some((copy.session.clone(), Arc::clone(&copy.grant))));
        }
        // Read before the store is asked: the cache then notices sessions that are closed later.
        let closed_before = self.closed.count();
        let Some((key, grant)) = self.read(token) else {
            return Ok(None);
        };
        let grant = Arc::new(grant);
        // While the store is unavailable, a session that was read before keeps working, and does not wait
        // for it.
        let old = || self.read_before.get_old(token, &self.closed);
        let is_known = match old() {
            Some(grant) if self.outage.is_recent(self.clock.elapsed()) => {
                return Ok(Some((C::session(key), grant)));
            }
            old => old.is_some(),
        };
        match self.closed.has_anywhere(&key, is_known).await {
            Ok(true) => return Ok(None),
            Ok(false) => {}
            Err(error) => {
                let Some(grant) = old() else {
                    return Err(error);
                };
                self.outage.note(self.clock.elapsed(), &error);
                return Ok(Some((C::session(key), grant)));
            }
        }
        let (session, now) = (C::session(key), self.clock.elapsed());
        self.read_before
            .put(token, session.clone(), &grant, closed_before, now);
        Ok(Some((session, grant)))
    }
}

impl<C> fmt::Debug for SignedSessions<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedSessions")
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}
