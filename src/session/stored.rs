//! Grants in a [`SessionStore`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::broadcast;
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use super::lately::Lately;
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

/// How long an extension is kept in mind, for requests that began before it.
const EXTENSIONS_KEPT: Duration = Duration::from_secs(120);

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
    closed: Arc<Lately<()>>,
    extended: Arc<Lately<OffsetDateTime>>,
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
            closed: Arc::new(Lately::new(CLEAN_UP_AFTER)),
            extended: Arc::new(Lately::new(EXTENSIONS_KEPT)),
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

    /// Moves the end of the session to `expires_at`, once for each end, however many requests ask
    /// for it. Keeps what else is in the record. A session that was closed meanwhile stays closed.
    pub(crate) async fn extend(
        &self,
        id: &Id,
        expires_at: OffsetDateTime,
    ) -> Result<Extension, SessionError> {
        let now = self.clock.now();
        let first = self
            .extended
            .put_if(*id, expires_at, now, |end| *end < expires_at);
        if !first {
            return Ok(Extension::DoneBefore);
        }
        let result = self.write_extension(id, expires_at).await;
        if result.is_err() {
            self.extended.remove(id);
        }
        result
    }

    async fn write_extension(
        &self,
        id: &Id,
        expires_at: OffsetDateTime,
    ) -> Result<Extension, SessionError> {
        let Some(mut record) = self.store.load(id).await? else {
            return Ok(Extension::Closed);
        };
        let Some(mut grant) = read(&record) else {
            return Ok(Extension::Closed);
        };
        if grant.expires_at >= expires_at {
            return Ok(Extension::DoneBefore);
        }
        grant.expires_at = expires_at;
        record.expiry_date = grant.expires_at + CLEAN_UP_AFTER;
        write(&mut record, &grant)?;
        self.store.save(&record).await?;
        if self.closed.has(id) {
            // Closed between the load and the save, which has brought it back.
            self.store.delete(id).await?;
            return Ok(Extension::Closed);
        }
        Ok(Extension::Done)
    }

    /// The sessions that are closed from now on.
    pub(crate) fn closings(&self) -> broadcast::Receiver<SessionId> {
        self.closings.subscribe()
    }

    /// Closes the session.
    pub(crate) async fn close(&self, id: &Id) -> Result<(), SessionError> {
        self.closed.put_if(*id, (), self.clock.now(), |()| true);
        self.store.delete(id).await?;
        // An error only says that nobody waits for one.
        let _ = self.closings.send(*id);
        Ok(())
    }
}

/// What became of moving a session's end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Extension {
    Done,
    /// By another request, which has told the browser.
    DoneBefore,
    Closed,
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
