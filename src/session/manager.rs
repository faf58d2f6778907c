//! Opens, finds and closes sessions, wherever their grants are stored.

use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::SessionKey;
use time::OffsetDateTime;
use tokio::sync::broadcast;
use tokio::task::JoinError;
use tower_sessions::session::Id;
use tower_sessions::session_store;

use super::backend::{BackendChoice, SessionBackend};
use super::cache::Cached;
use super::credential::{Credential, SessionRef};
use super::error::SessionError;
use super::grant::Grant;
use super::last_seen::{LastSeen, PRECISION};
use super::new_session::NewSession;
use super::records::OwnRecords;
#[cfg(feature = "jwt")]
use super::signed::{BearerClaims, SignedSessions};
use super::stored::StoredSessions;
use crate::clock::SharedClock;
use crate::error_chain;
use crate::lifespan::Limits;
use crate::sso::Proof;
use crate::sync::{Admitted, ClosedSessions};

/// All sessions of one gate.
#[derive(Debug)]
pub(crate) struct SessionManager {
    backend: SessionBackend,
    #[cfg(feature = "jwt")]
    pub(super) bearers: Option<SignedSessions<BearerClaims>>,
    pub(super) closed: Arc<ClosedSessions>,
    pub(super) clock: SharedClock,
    /// None if the records are not in the crate's own store.
    last_seen: Option<Arc<LastSeen>>,
    pub(crate) limits: Limits,
}

#[cfg_attr(
    not(feature = "jwt"),
    allow(
        unused_variables,
        reason = "a stored session is identified by its name alone"
    )
)]
impl SessionManager {
    pub(crate) fn new(
        choice: BackendChoice,
        closed: Arc<ClosedSessions>,
        clock: SharedClock,
        limits: Limits,
    ) -> Self {
        let (its_clock, its_closed) = (Arc::clone(&clock), Arc::clone(&closed));
        let backend = SessionBackend::new(choice, its_clock, its_closed);
        Self {
            last_seen: LastSeen::of(backend.own_records(), &clock),
            backend,
            #[cfg(feature = "jwt")]
            bearers: None,
            closed,
            clock,
            limits,
        }
    }

    /// The records, if they are in the crate's own store.
    pub(super) fn own_records(&self) -> Option<&OwnRecords> {
        self.backend.own_records()
    }

    /// Opens a session under a new name, to be [handed over](NewSession::hand_over). Apart from
    /// [`open_bearer`](Self::open_bearer), this is the only way to open one.
    pub(crate) async fn open(
        &self,
        admitted: &Admitted,
        proof: Proof,
        context_app: Option<String>,
    ) -> Result<NewSession, SessionError> {
        let grant = self.grant(admitted, proof, context_app);
        let latest_end = self.latest_end(&grant);
        let (session, value, record) = self.backend.open(&grant, latest_end).await?;
        Ok(NewSession {
            session,
            value,
            grant,
            latest_end,
            record,
        })
    }

    pub(super) fn grant(
        &self,
        admitted: &Admitted,
        proof: Proof,
        context_app: Option<String>,
    ) -> Grant {
        Grant::new(admitted, proof, context_app, self.clock.now())
    }

    /// The latest end of a session, whatever its list says.
    pub(crate) fn latest_end(&self, grant: &Grant) -> OffsetDateTime {
        self.limits.latest_end(grant.began)
    }

    /// The session that a credential names, if it can name one; does not check whether it exists.
    fn name(&self, credential: &Credential<'_>) -> Option<SessionRef> {
        match (credential, &self.backend) {
            (Credential::Cookie(id), SessionBackend::Stored(_)) => {
                Some(SessionRef::Stored(id.parse().ok()?))
            }
            #[cfg(feature = "jwt")]
            (Credential::Cookie(token), SessionBackend::InCookie(signed)) => {
                Some(SessionRef::Signed(signed.read(token)?.0))
            }
            #[cfg(feature = "jwt")]
            (Credential::Bearer(token), _) => {
                let (key, _) = self.bearers.as_ref()?.read(token)?;
                Some(SessionRef::Bearer(key))
            }
        }
    }

    /// As [`find`](Self::find), as far as this process knows without a request to any store.
    pub(crate) fn find_cached(
        &self,
        credential: &Credential<'_>,
        now: Duration,
    ) -> Option<Arc<Cached>> {
        let cached = match (credential, &self.backend) {
            (Credential::Cookie(id), SessionBackend::Stored(stored)) => stored.cached_copy(id, now),
            #[cfg(feature = "jwt")]
            (Credential::Cookie(token), SessionBackend::InCookie(signed)) => {
                signed.cached_copy(token, now)
            }
            #[cfg(feature = "jwt")]
            (Credential::Bearer(token), _) => self.bearers.as_ref()?.cached_copy(token, now),
        }?;
        if let Some(last_seen) = &self.last_seen
            && cached.note_use(PRECISION, now)
        {
            last_seen.note(cached.key(), cached.grant.began);
        }
        Some(cached)
    }

    /// The session that a credential names and its grant, if it exists and this version can read it. It may
    /// have ended.
    pub(crate) async fn find(
        &self,
        credential: &Credential<'_>,
    ) -> Result<Option<(SessionRef, Arc<Grant>)>, SessionError> {
        let found = match (credential, &self.backend) {
            (Credential::Cookie(id), SessionBackend::Stored(stored)) => match id.parse() {
                Ok(id) => {
                    let grant = stored.load(&id).await?;
                    grant.map(|grant| (SessionRef::Stored(id), grant))
                }
                Err(_) => None,
            },
            #[cfg(feature = "jwt")]
            (Credential::Cookie(token), SessionBackend::InCookie(signed)) => {
                signed.find(token).await?
            }
            #[cfg(feature = "jwt")]
            (Credential::Bearer(token), _) => match &self.bearers {
                Some(bearers) => bearers.find(token).await?,
                None => None,
            },
        };
        if let (Some((session, grant)), Some(last_seen)) = (&found, &self.last_seen) {
            last_seen.note(&session.key(), grant.began);
        }
        Ok(found)
    }

    /// False once a session was closed, or its record no longer exists.
    pub(crate) async fn is_open(&self, session: &SessionRef) -> Result<bool, SessionError> {
        match (session, &self.backend) {
            (SessionRef::Stored(id), SessionBackend::Stored(stored)) => {
                Ok(stored.load(id).await?.is_some())
            }
            (SessionRef::Named(key), _) => Ok(!self.closed.has(key)),
            #[cfg(feature = "jwt")]
            (SessionRef::Signed(key), SessionBackend::InCookie(_))
            | (SessionRef::Bearer(key), _) => Ok(!self.closed.has(key)),
            // A session of another gate.
            #[cfg(feature = "jwt")]
            _ => Ok(false),
        }
    }

    /// True if this process knows that the session was closed.
    pub(crate) fn was_closed(&self, session: &SessionRef) -> bool {
        self.closed.has(&session.key())
    }

    /// The sessions that are closed from now on.
    pub(crate) fn closings(&self) -> broadcast::Receiver<SessionKey> {
        self.closed.feed()
    }

    /// Closes the session, in all processes, with the bearer tokens that came from it.
    pub(crate) async fn close(&self, session: &SessionRef) -> Result<(), SessionError> {
        let key = session.key();
        self.closed.note(key.clone());
        let record = match (session, &self.backend) {
            // The crate's own store deletes the record together with closing the session.
            (_, SessionBackend::Stored(stored)) if stored.own().is_some() => None,
            (SessionRef::Stored(id), SessionBackend::Stored(stored)) => {
                Some((*id, Arc::clone(stored)))
            }
            _ => None,
        };
        let (closed, takes_bearers) = (Arc::clone(&self.closed), self.takes_bearers());
        // In a task of its own: a client that disconnects during a sign-out is still signed out.
        let closing = tokio::spawn(close(closed, key, record, takes_bearers));
        // The task panicked, or the runtime is shutting down.
        let interrupted = |error: JoinError| session_store::Error::Backend(error.to_string());
        closing.await.map_err(interrupted)?
    }

    /// Closes the session that was found for a credential, if there is one, and returns its grant.
    ///
    /// A credential without a session costs only a look-up: closing a session notifies all processes. If the
    /// store is unavailable, a session that this process has seen is closed as far as possible, and the
    /// error is returned.
    pub(crate) async fn close_found(
        &self,
        credential: &Credential<'_>,
        found: Result<Option<(SessionRef, Arc<Grant>)>, SessionError>,
    ) -> Result<Option<Arc<Grant>>, SessionError> {
        match found {
            Ok(None) => {
                // An earlier attempt closed it only partly: do not report success before it is complete.
                let unfinished = self
                    .name(credential)
                    .filter(|session| self.closed.is_unfinished(&session.key()));
                if let Some(session) = unfinished {
                    self.close(&session).await?;
                }
                Ok(None)
            }
            Ok(Some((session, grant))) => {
                self.close(&session).await?;
                Ok(Some(grant))
            }
            Err(error) => {
                // Only if this process knows the session: an id that an attacker made up is neither stored
                // nor sent to other processes.
                let session = self.name(credential);
                if let Some(session) = session.filter(|session| self.backend.has_seen(session)) {
                    self.close(&session).await?;
                }
                Err(error)
            }
        }
    }

    #[cfg(not(feature = "jwt"))]
    pub(crate) fn takes_bearers(&self) -> bool {
        false
    }
}

/// The remaining steps of closing a session that this process already treats as closed.
async fn close(
    closed: Arc<ClosedSessions>,
    key: SessionKey,
    record: Option<(Id, Arc<StoredSessions>)>,
    takes_bearers: bool,
) -> Result<(), SessionError> {
    let written = closed.save(&key).await;
    let is_written = written.is_ok();
    match (record, written) {
        // A given store's record stays while its bearer tokens might still work in other processes. A signed
        // cookie has no record.
        (None, Err(error)) => return Err(error.into()),
        (Some(_), Err(error)) if takes_bearers => return Err(error.into()),
        (None, Ok(())) => {}
        (Some((id, stored)), written) => {
            if let Err(error) = written {
                // Other processes notice when they next read the session store.
                tracing::warn!(
                    %error, cause = error_chain::of(&error),
                    "session closure not stored; other processes notice it at their next read"
                );
            }
            stored.delete(&id).await?;
        }
    }
    if is_written {
        closed.finish(&key);
    }
    Ok(())
}
