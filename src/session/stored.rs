//! Grants in records, which the session's cookie names by an id.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tower_sessions::session::Id;

use super::cache::{Cached, GrantCache, SeenIds};
use super::circuit_breaker::CircuitBreaker;
use super::error::SessionError;
use super::key::session_key;
use super::records::{OwnRecords, Records};
use super::{Grant, SessionRef};
use crate::clock::SharedClock;
use crate::sync::ClosedSessions;

/// Sessions in records.
#[derive(Debug)]
pub(super) struct StoredSessions {
    records: Records,
    clock: SharedClock,
    closed: Arc<ClosedSessions>,
    cache: GrantCache,
    seen: SeenIds,
    outage: CircuitBreaker,
    /// Of the crate's own store, which knows the closed sessions, if the records are in a given store.
    closings_outage: CircuitBreaker,
}

impl StoredSessions {
    /// `cached_for` is how long a record is used before the store is read again; zero: not at all.
    pub(super) fn new(
        records: Records,
        clock: SharedClock,
        closed: Arc<ClosedSessions>,
        cached_for: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            records,
            clock,
            closed,
            cache: GrantCache::new(cached_for),
            seen: SeenIds::default(),
            outage: CircuitBreaker::default(),
            closings_outage: CircuitBreaker::default(),
        })
    }

    /// The records, if they are in the crate's own store.
    pub(super) fn own(&self) -> Option<&OwnRecords> {
        match &self.records {
            Records::Own(own) => Some(own),
            Records::Given(_) => None,
        }
    }

    /// Stores the grant under a new id, for as long as its session may last.
    pub(super) async fn create(
        &self,
        grant: &Grant,
        latest_end: OffsetDateTime,
    ) -> Result<Id, SessionError> {
        let id = self.records.create(grant, latest_end).await?;
        self.seen.note(id);
        Ok(id)
    }

    /// The session with this id as text, if it was read recently.
    pub(super) fn cached_copy(&self, id: &str, now: Duration) -> Option<Arc<Cached>> {
        self.cache.get(id, &self.closed, now)
    }

    /// True if this process has recently opened or read the session.
    pub(super) fn has_seen(&self, id: &Id) -> bool {
        self.seen.has(id)
    }

    /// The grant under `id`, if it exists and this version can read it.
    pub(super) async fn load(&self, id: &Id) -> Result<Option<Arc<Grant>>, SessionError> {
        let now = self.clock.elapsed();
        let written = id.to_string();
        if let Some(copy) = self.cached_copy(&written, now) {
            return Ok(Some(Arc::clone(&copy.grant)));
        }
        // Counted before the record is read: the cache then notices sessions that are closed later.
        let closed_before = self.closed.count();
        let old = self.cache.get_old(&written, &self.closed);
        // While the store is unavailable, a session that was read before does not wait for it.
        if old.is_some() && self.outage.is_recent(now) {
            return Ok(old);
        }
        let grant = match self.records.load(id, old.is_some()).await {
            Ok(grant) => grant,
            Err(error) if old.is_some() => {
                self.outage.note(self.clock.elapsed(), &error);
                return Ok(old);
            }
            Err(error) => return Err(error),
        };
        let Some(grant) = grant.map(Arc::new) else {
            self.cache.forget(&written);
            return Ok(None);
        };
        if self.was_closed(id, old.is_some(), now).await {
            return Ok(None);
        }
        self.seen.note(*id);
        let session = SessionRef::Stored(*id);
        let now = self.clock.elapsed();
        self.cache
            .put(&written, session, &grant, closed_before, now);
        Ok(Some(grant))
    }

    /// True if a session was closed whose record still exists. `is_known` if the process has a copy of it.
    async fn was_closed(&self, id: &Id, is_known: bool, now: Duration) -> bool {
        let key = session_key(id);
        match &self.records {
            // The store deletes the record together with closing it, but it may not have been reached yet.
            Records::Own(_) => self.closed.has(&key),
            // The record may have outlived its session: because of a store's own cache, a failed deletion, or
            // a session that was closed by its bearer token alone. If the closing store is unavailable, no
            // session ends because of it, and not every request waits for it.
            Records::Given(_) if self.closings_outage.is_recent(now) => false,
            Records::Given(_) => match self.closed.has_anywhere(&key, is_known).await {
                Ok(was_closed) => was_closed,
                Err(error) => {
                    self.closings_outage.note(self.clock.elapsed(), &error);
                    false
                }
            },
        }
    }

    /// Deletes the record. The crate's own store also records that the session is closed.
    pub(super) async fn delete(&self, id: &Id) -> Result<(), SessionError> {
        self.cache.forget(&id.to_string());
        match &self.records {
            Records::Own(_) => {
                let key = session_key(id);
                self.closed.save(&key).await?;
                self.closed.finish(&key);
                Ok(())
            }
            Records::Given(given) => Ok(given.delete(id).await?),
        }
    }
}
