//! Bearer tokens: for the add-on's own API, and for command-line clients.

use std::fmt;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::SecretString;
use time::OffsetDateTime;

use super::state::GateState;
use super::user::HerokuUser;
use crate::cause;
use crate::session::{Credential, SessionError};

/// A token that a program sends as `Authorization: Bearer …` instead of a cookie.
///
/// It is as good as the session that it came from: at each request, the newest list decides about its holder.
/// It ends earlier if that session is over, signed out or revoked.
#[derive(Clone)]
#[must_use = "a bearer token is useless unless it is sent to the client"]
pub struct BearerToken {
    token: SecretString,
    expires_at: OffsetDateTime,
}

impl BearerToken {
    pub(super) fn new(token: String, expires_at: OffsetDateTime) -> Self {
        Self {
            token: token.into(),
            expires_at,
        }
    }

    /// The token itself: a secret.
    pub fn secret(&self) -> &SecretString {
        &self.token
    }

    /// When it ends at the latest: [`max_session`](crate::Config::max_session) after the sign-in.
    pub fn expires_at(&self) -> OffsetDateTime {
        self.expires_at
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerToken")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// No bearer token can be issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BearerError {
    /// The key cannot sign.
    #[error("the key cannot sign the token")]
    CannotSign,
    /// [`HerokuSsoBuilder::bearer_tokens`](crate::HerokuSsoBuilder::bearer_tokens) was not called.
    #[error("this gate issues no bearer tokens; set their keys with `bearer_tokens`")]
    NotSetUp,
}

impl GateState {
    pub(crate) fn bearer_for(&self, user: &HerokuUser) -> Result<BearerToken, BearerError> {
        let (session, grant) = user.session();
        let token = self.sessions.bearer(session, grant);
        let token = token.map_err(|error: SessionError| {
            tracing::error!(%error, cause = cause::of(&error), "bearer token could not be signed");
            BearerError::CannotSign
        })?;
        let token = token.ok_or(BearerError::NotSetUp)?;
        Ok(BearerToken::new(token, self.sessions.latest_end(grant)))
    }
}

const SCHEME: &[u8] = b"bearer";

/// The token of the `Authorization` header, if its scheme is `Bearer` (RFC 6750, section 2.1). If there are
/// several, none is accepted, and the request has no other credential.
pub(super) fn of(headers: &HeaderMap) -> Option<Credential<'_>> {
    let mut tokens = headers.get_all(AUTHORIZATION).iter().filter_map(|value| {
        let (scheme, token) = value.as_bytes().split_at_checked(SCHEME.len())?;
        let is_bearer = scheme.eq_ignore_ascii_case(SCHEME)
            && token.first().is_none_or(u8::is_ascii_whitespace);
        // A value that is not text is an invalid token, but it is still this request's credential.
        is_bearer.then(|| str::from_utf8(token).unwrap_or_default().trim())
    });
    let token = tokens.next()?;
    let only = if tokens.next().is_none() { token } else { "" };
    Some(Credential::Bearer(only.into()))
}
