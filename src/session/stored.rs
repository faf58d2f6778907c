//! Grants in a [`SessionStore`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::broadcast;
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use super::{Grant, SessionId};
use crate::clock::SharedClock;
use crate::config::SessionLife;
use crate::sso::Proof;
use crate::sync::{Admitted, Held};

/// The name of the grant in a record. Other names belong to the partner.
const KEY: &str = "heroku_sso";

/// A record stays a little longer than its grant: replicas' clocks differ, and the grant's own end
/// is the one that counts.
const CLEAN_UP_AFTER: Duration = Duration::from_secs(120);

/// How many closings a slow listener may be behind before it has to look for itself.
const CLOSINGS: usize = 256;

/// The session store cannot answer.
#[derive(Debug, thiserror::Error)]
#[error("the session store cannot answer")]
pub(crate) struct SessionError(#[from] session_store::Error);

/// Opens, reads, extends and closes sessions.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    store: Arc<dyn SessionStore>,
    clock: SharedClock,
    life: SessionLife,
    interval: Duration,
    max_session: Duration,
    closed: Arc<Closed>,
    closings: broadcast::Sender<SessionId>,
}

impl Sessions {
    pub(crate) fn new(
        store: Arc<dyn SessionStore>,
        clock: SharedClock,
        life: SessionLife,
        interval: Duration,
        max_session: Duration,
    ) -> Self {
        Self {
            store,
            clock,
            life,
            interval,
            max_session,
            closed: Arc::default(),
            closings: broadcast::Sender::new(CLOSINGS),
        }
    }

    /// Opens a session under a new id. There is no other way to one.
    pub(crate) async fn open(
        &self,
        admitted: &Admitted,
        proof: Proof,
        context_app: Option<String>,
    ) -> Result<(Id, Grant), SessionError> {
        let now = self.clock.now();
        let grant = Grant::new(admitted, proof, context_app, now, self.interval);
        let mut record = Record {
            id: Id::default(),
            data: HashMap::new(),
            expiry_date: grant.expires_at + CLEAN_UP_AFTER,
        };
        write(&mut record, &grant)?;
        // The store may give it another id.
        self.store.create(&mut record).await?;
        Ok((record.id, grant))
    }

    /// The grant under `id`, if there is one that this version can read; it may have ended.
    pub(crate) async fn load(&self, id: &Id) -> Result<Option<Grant>, SessionError> {
        let record = self.store.load(id).await?;
        Ok(record.as_ref().and_then(read))
    }

    /// Where the end of `grant` moves on a list that still has its user; none if it stays.
    pub(crate) fn later_end(&self, grant: &Grant, held: &Held) -> Option<OffsetDateTime> {
        if self.life == SessionLife::Fixed {
            return None;
        }
        let by_list = held.snapshot.fetched_at + self.interval;
        let end = by_list.min(grant.signed_in_at + self.max_session);
        let end = end.replace_nanosecond(0).unwrap_or(end);
        (end > grant.expires_at).then_some(end)
    }

    /// Moves the end of the session to `expires_at`. Keeps what else is in the record. False if the
    /// session was closed meanwhile: it stays closed.
    pub(crate) async fn extend(
        &self,
        id: &Id,
        expires_at: OffsetDateTime,
    ) -> Result<bool, SessionError> {
        let Some(mut record) = self.store.load(id).await? else {
            return Ok(false);
        };
        let Some(mut grant) = read(&record) else {
            return Ok(false);
        };
        grant.expires_at = expires_at.max(grant.expires_at);
        record.expiry_date = grant.expires_at + CLEAN_UP_AFTER;
        write(&mut record, &grant)?;
        self.store.save(&record).await?;
        if self.closed.contains(id) {
            // Closed between the load and the save, which has brought it back.
            self.store.delete(id).await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// The sessions that are closed from now on.
    pub(crate) fn closings(&self) -> broadcast::Receiver<SessionId> {
        self.closings.subscribe()
    }

    /// Closes the session.
    pub(crate) async fn close(&self, id: &Id) -> Result<(), SessionError> {
        self.closed.insert(*id, self.clock.now());
        self.store.delete(id).await?;
        // An error only says that nobody waits for one.
        let _ = self.closings.send(*id);
        Ok(())
    }
}

/// Ids of sessions that were closed lately, for an extension that is under way at that moment.
#[derive(Default)]
struct Closed(Mutex<HashMap<Id, OffsetDateTime>>);

impl Closed {
    fn insert(&self, id: Id, now: OffsetDateTime) {
        let mut closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closed.retain(|_, at| now - *at < CLEAN_UP_AFTER);
        closed.insert(id, now);
    }

    fn contains(&self, id: &Id) -> bool {
        let closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closed.contains_key(id)
    }
}

impl std::fmt::Debug for Closed {
    /// Session ids are secrets, also those of closed sessions.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Closed(..)")
    }
}

fn read(record: &Record) -> Option<Grant> {
    let grant = record.data.get(KEY)?.clone();
    let grant: Grant = serde_json::from_value(grant).ok()?;
    grant.is_readable().then_some(grant)
}

fn write(record: &mut Record, grant: &Grant) -> Result<(), SessionError> {
    let value = serde_json::to_value(grant)
        .map_err(|error| session_store::Error::Encode(error.to_string()))?;
    record.data.insert(KEY.to_owned(), value);
    Ok(())
}
