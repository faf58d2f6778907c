//! Grants in signed tokens, which need no store: in a cookie, or as a bearer token.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::cache::{Cached, GrantCache};
use super::{Grant, SessionName};
use crate::clock::{Reading, SharedClock};
use crate::jwt::{Claims, Codec, JwtError};
use crate::lately::Lately;
use crate::store::{SessionKey, StoreError};
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
    /// The session that it is, or that it came from: it ends when that is closed.
    sid: SessionKey,
    grant: Grant,
}

/// The claims of one kind of token.
pub(super) trait SignedClaims: Claims + From<SessionClaims> + Into<SessionClaims> {
    /// The session of such a token.
    fn session(key: SessionKey) -> SessionName;
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
            fn session(key: SessionKey) -> SessionName {
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

claims! { CookieClaims, "heroku-session+jwt", SessionName::Signed }
claims! { BearerClaims, "heroku-bearer+jwt", SessionName::Bearer }

#[derive(Clone)]
struct Extended {
    expires_at: OffsetDateTime,
    token: Box<str>,
}

/// Signs and reads the tokens of one kind.
pub(super) struct SignedSessions<C> {
    codec: Arc<Codec>,
    clock: SharedClock,
    closed: Arc<ClosedSessions>,
    /// Tokens whose signature was checked before, and that the store knows of no closing of.
    read_before: GrantCache,
    /// The last extension of each session: for the streams that began before it, and so that all who
    /// ask for it get the same token.
    extended: Lately<SessionKey, Extended>,
    claims: PhantomData<fn() -> C>,
}

impl<C: SignedClaims> SignedSessions<C> {
    /// `cached_for` is how long a token is believed without asking whether its session was closed;
    /// `interval` how far ahead the end of a session can be.
    pub(super) fn new(
        codec: Arc<Codec>,
        clock: SharedClock,
        closed: Arc<ClosedSessions>,
        cached_for: Duration,
        interval: Duration,
    ) -> Self {
        Self {
            codec,
            clock,
            closed,
            read_before: GrantCache::new(cached_for),
            // None is of use after the end that it says.
            extended: Lately::new(interval),
            claims: PhantomData,
        }
    }

    /// A token for the session `key` that ends with its grant.
    pub(super) fn sign(&self, key: &SessionKey, grant: &Grant) -> Result<String, JwtError> {
        self.codec.sign(&C::from(SessionClaims {
            iss: self.codec.issuer.to_string(),
            aud: self.codec.audience.to_string(),
            iat: self.clock.now().unix_timestamp(),
            exp: grant.expires_at.unix_timestamp(),
            nbf: None,
            sid: key.clone(),
            grant: grant.clone(),
        }))
    }

    /// The session and grant of a token that counts now, whether or not the session was closed.
    pub(super) fn read(&self, token: &str) -> Option<(SessionKey, Grant)> {
        let claims = self
            .codec
            .verify::<C>(token, self.clock.now().unix_timestamp());
        let claims: SessionClaims = match claims {
            Ok(claims) => claims.into(),
            Err(reason) => {
                tracing::debug!(%reason, "a signed session does not count");
                return None;
            }
        };
        let is_whole = claims.grant.expires_at.unix_timestamp() == claims.exp;
        (is_whole && claims.grant.is_readable()).then_some((claims.sid, claims.grant))
    }

    /// The session of a token that was read before, unless it was closed since; it may have ended.
    pub(super) fn copy_of(&self, token: &str, now: Duration) -> Option<Arc<Cached>> {
        self.read_before.get(token, &self.closed, now)
    }

    /// The session and grant of a token, unless the session was closed by any process.
    pub(super) async fn find(
        &self,
        token: &str,
    ) -> Result<Option<(SessionName, Arc<Grant>)>, StoreError> {
        if let Some(copy) = self.copy_of(token, self.clock.elapsed()) {
            return Ok(Some((copy.session.clone(), Arc::clone(&copy.grant))));
        }
        // Before the store is asked: of what is closed later, the cache hears.
        let closed_before = self.closed.count();
        let Some((key, grant)) = self.read(token) else {
            return Ok(None);
        };
        let grant = Arc::new(grant);
        match self.closed.has_anywhere(&key).await {
            Ok(true) => return Ok(None),
            Ok(false) => {}
            // While the store is away, who was in a moment ago goes on.
            Err(error) => {
                let old = self.read_before.get_old(token, &self.closed);
                let grant = old.ok_or(error)?;
                return Ok(Some((C::session(key), grant)));
            }
        }
        let (session, now) = (C::session(key), self.clock.elapsed());
        self.read_before
            .put(token, session.clone(), &grant, closed_before, now);
        Ok(Some((session, grant)))
    }

    /// What is known here of a session that goes on without its token at hand, as a stream does.
    pub(super) fn reload(&self, key: &SessionKey, grant: &Arc<Grant>) -> Option<Arc<Grant>> {
        if self.closed.has(key) {
            return None;
        }
        let mut grant = Arc::clone(grant);
        let extended = self.extended.get(key).map(|extended| extended.expires_at);
        if let Some(end) = extended.filter(|end| *end > grant.expires_at) {
            Arc::make_mut(&mut grant).expires_at = end;
        }
        Some(grant)
    }

    /// A token for the same session with a later end.
    pub(super) fn extend(
        &self,
        key: &SessionKey,
        grant: &Grant,
        expires_at: OffsetDateTime,
    ) -> Result<String, JwtError> {
        if let Some(last) = self.extended.get(key)
            && last.expires_at == expires_at
        {
            return Ok(last.token.into());
        }
        let mut extended = grant.clone();
        extended.expires_at = expires_at;
        let closed_before = self.closed.count();
        let token = self.sign(key, &extended)?;
        let note = Extended {
            expires_at,
            token: token.as_str().into(),
        };
        let now = Reading::of(&self.clock);
        let earlier = |last: &Extended| last.expires_at < expires_at;
        self.extended.put_if(key.clone(), note, now, earlier);
        if !self.closed.has(key) {
            // As good as the one that it takes the place of.
            let (session, now) = (C::session(key.clone()), self.clock.elapsed());
            self.read_before
                .put(&token, session, &Arc::new(extended), closed_before, now);
        }
        Ok(token)
    }
}

impl<C> fmt::Debug for SignedSessions<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedSessions")
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}
