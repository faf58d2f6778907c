//! Which sessions there are, for the partner's own code, and ending one of them.

use heroku_sso_store::{Email, ResourceId, SessionKey, SessionRecord};
use time::OffsetDateTime;

use super::SessionRef;
use super::error::SessionError;
use super::manager::SessionManager;
use crate::audit::AuditLog;
use crate::store::{SessionKind, StoreError};

/// The most sessions in one list.
const LISTED: usize = 1_000;

/// One session, for the partner's own staff. Nothing in it opens the session.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its name, for [`Sessions::end`](crate::Sessions::end): the SHA-256 of what its client holds.
    pub id: SessionKey,
    /// How it began, and how its client holds it.
    pub kind: SessionKind,
    /// The user's email.
    pub email: Email,
    /// When the user signed in.
    pub signed_in_at: OffsetDateTime,
    /// When it was last used, to about a minute. Uses of the last minute may be missing, and so may those
    /// that a process had not stored when it stopped.
    pub last_seen: OffsetDateTime,
    /// When it ends at the latest, whatever its list says.
    pub ends_at: OffsetDateTime,
}

impl SessionInfo {
    fn new(record: SessionRecord) -> Self {
        Self {
            id: record.key,
            kind: record.kind,
            email: record.email,
            signed_in_at: record.began,
            last_seen: record.seen_at,
            ends_at: record.ends_at,
        }
    }
}

/// Sessions cannot be listed or ended now.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionsError {
    /// The sessions are in signed cookies, in a given
    /// [`session_store`](crate::HerokuSsoBuilder::session_store), or in a store that keeps none.
    #[error(
        "sessions cannot be listed: they are in signed cookies, in a given session store, or in a store \
         that keeps no sessions"
    )]
    NotListed,
    /// The store is unavailable.
    #[error("the store is unavailable")]
    Store(#[source] StoreError),
    /// The session store is unavailable.
    #[error("the session store is unavailable")]
    SessionStore(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for SessionsError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The latest sessions of a resource, or of one user at it, that have not ended.
pub(crate) async fn list_sessions(
    sessions: &SessionManager,
    resource: &ResourceId,
    email: Option<&Email>,
) -> Result<Vec<SessionInfo>, SessionsError> {
    let own = sessions.own_records().ok_or(SessionsError::NotListed)?;
    let now = sessions.clock.now();
    let found = own.calls()?.list_sessions(resource, email, LISTED).await?;
    let open = found.into_iter().filter(|session| {
        let is_closed = sessions.closed.has(&session.key);
        session.ends_at > now && !is_closed
    });
    Ok(open.map(SessionInfo::new).collect())
}

/// Ends a session in all processes. False if the store has no such session. Where the sessions are not in
/// it, the key is not looked up.
pub(crate) async fn end_session(
    sessions: &SessionManager,
    key: &SessionKey,
    audit: &AuditLog,
) -> Result<bool, SessionsError> {
    let record = match sessions.own_records() {
        Some(own) => match own.calls()?.find_session(key).await? {
            Some(record) => Some(record),
            None => return Ok(false),
        },
        None => None,
    };
    let closed = sessions.close(&SessionRef::Named(key.clone())).await;
    closed.map_err(|error| match error {
        SessionError::Store(error) => SessionsError::Store(error),
        error => SessionsError::SessionStore(error.into()),
    })?;
    let of = record.as_ref().map(|it| (&it.resource, &it.email));
    audit.session_ended(of, key);
    Ok(true)
}
