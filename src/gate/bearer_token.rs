//! Bearer tokens: for the add-on's own API, and for command-line clients.

use std::fmt;

use secrecy::SecretString;
use time::OffsetDateTime;

use super::user::HerokuUser;
use crate::error_chain;
use crate::session::{SessionError, SessionManager};

/// A token that a program sends as `Authorization: Bearer …` instead of a cookie.
///
/// It gives the same access as the session that it came from: at each request, the newest list decides about
/// its holder. It ends with that session, also if the user signs out or the session is revoked.
#[derive(Clone)]
#[must_use = "a bearer token is useless unless it is sent to the client"]
pub struct BearerToken {
    token: SecretString,
    expires_at: OffsetDateTime,
}

impl BearerToken {
    /// The token itself: a secret.
    pub fn secret(&self) -> &SecretString {
        &self.token
    }

    /// When it ends at the latest: [`max_session`](crate::HerokuSsoBuilder::max_session) after the sign-in.
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
    /// The user is one that [`HerokuUser::for_test`](crate::HerokuUser::for_test) made, without a session.
    #[error("the user has no session")]
    NoSession,
    /// [`HerokuSsoBuilder::bearer_tokens`](crate::HerokuSsoBuilder::bearer_tokens) was not called.
    #[error("this gate issues no bearer tokens; set their keys with `bearer_tokens`")]
    NotSetUp,
}

/// A token that is valid as long as the session of this user.
pub(crate) fn bearer_for(
    sessions: &SessionManager,
    user: &HerokuUser,
) -> Result<BearerToken, BearerError> {
    let session = user.origin.session().ok_or(BearerError::NoSession)?;
    let grant = session.grant();
    let token = sessions.bearer(session.session_ref(), grant);
    let token = token.map_err(|error: SessionError| {
        tracing::error!(%error, cause = error_chain::of(&error), "bearer token could not be signed");
        BearerError::CannotSign
    })?;
    let token = token.ok_or(BearerError::NotSetUp)?;
    Ok(BearerToken {
        token: token.into(),
        expires_at: sessions.latest_end(grant),
    })
}
