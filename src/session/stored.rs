//! Grants in a [`SessionStore`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store;

use super::bounded::BoundedSessionStore;
use super::cache::{Cached, GrantCache, SeenIds};
use super::circuit_breaker::CircuitBreaker;
use super::key::session_key;
use super::outcome::SessionError;
use super::{Grant, SessionRef};
use crate::clock::SharedClock;
use crate::store::author::SessionKey;
use crate::sync::ClosedSessions;

/// The name of the grant in a record. Other names belong to the partner.
const KEY: &str = "heroku_sso";

/// A record stays a little longer than its session: the processes' clocks differ, and the session's own end
/// is the one that counts.
const RETENTION: Duration = Duration::from_secs(120);

/// Sessions in records of a store.
#[derive(Debug)]
pub(super) struct StoredSessions {
    store: BoundedSessionStore,
    clock: SharedClock,
    closed: Arc<ClosedSessions>,
    cache: GrantCache,
    seen: SeenIds,
    outage: CircuitBreaker,
    /// For the store that knows which sessions were closed.
    closings_outage: CircuitBreaker,
}

impl StoredSessions {
    /// `cached_for` is how long a record is used before the store is read again; zero: not at all.
    pub(super) fn new(
        store: BoundedSessionStore,
        clock: SharedClock,
        closed: Arc<ClosedSessions>,
        cached_for: Duration,
    ) -> Self {
        Self {
            store,
            clock,
            closed,
            cache: GrantCache::new(cached_for),
            seen: SeenIds::default(),
            outage: CircuitBreaker::default(),
            closings_outage: CircuitBreaker::default(),
        }
    }

    /// Stores the grant under a new id, for as long as its session may last.
    pub(super) async fn create(
        &self,
        grant: &Grant,
        latest_end: OffsetDateTime,
    ) -> Result<Id, SessionError> {
        let mut record = Record {
            id: Id::default(),
            data: HashMap::new(),
            expiry_date: latest_end + RETENTION,
        };
        let wanted = record.id;
        write(&mut record, &wanted, grant)?;
        self.store.create(&mut record).await?;
        if record.id != wanted {
            // The store assigned another id. The session under it does not exist until this is written.
            let given = record.id;
            write(&mut record, &given, grant)?;
            self.store.save(&record).await?;
        }
        self.seen.note(record.id);
        Ok(record.id)
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
        let loaded = match old.is_some() {
            true => self.store.load_again(id).await,
            false => self.store.load(id).await,
        };
        let record = match loaded {
            Ok(record) => record,
            Err(error) if old.is_some() => {
                self.outage.note(now, &error);
                return Ok(old);
            }
            Err(error) => return Err(error.into()),
        };
        let grant = record.and_then(|record| read(&record, id));
        let Some(grant) = grant.map(Arc::new) else {
            self.cache.forget(&written);
            return Ok(None);
        };
        // The record may have outlived its session: because of a store's own cache, a failed deletion, or a
        // session that was closed by its bearer token alone. If the closing store is unavailable, no
        // session ends because of it, and not every request waits for it.
        if !self.closings_outage.is_recent(now) {
            match self.closed.has_anywhere(&session_key(id)).await {
                Ok(true) => return Ok(None),
                Ok(false) => {}
                Err(error) => self.closings_outage.note(self.clock.elapsed(), &error),
            }
        }
        self.seen.note(*id);
        let session = SessionRef::Stored(*id);
        let now = self.clock.elapsed();
        self.cache
            .put(&written, session, &grant, closed_before, now);
        Ok(Some(grant))
    }

    pub(super) async fn delete(&self, id: &Id) -> Result<(), SessionError> {
        self.cache.forget(&id.to_string());
        Ok(self.store.delete(id).await?)
    }
}

/// A grant in a record. Other users of the session store can copy a record to another id, as
/// `tower_sessions::Session::cycle_id` does. The copy is not a session, as ending the session would not end
/// the copy.
#[derive(Deserialize, Serialize)]
struct BoundGrant {
    /// The id for which the grant was made.
    session: SessionKey,
    #[serde(flatten)]
    grant: Grant,
}

/// The grant in the record that the store has under `id`.
fn read(record: &Record, id: &Id) -> Option<Grant> {
    let bound = record.data.get(KEY)?.clone();
    let bound: BoundGrant = serde_json::from_value(bound).ok()?;
    let is_its_own = bound.session == session_key(id);
    (is_its_own && bound.grant.is_readable()).then_some(bound.grant)
}

fn write(record: &mut Record, id: &Id, grant: &Grant) -> Result<(), SessionError> {
    let bound = BoundGrant {
        session: session_key(id),
        grant: grant.clone(),
    };
    let value = serde_json::to_value(bound)
        .map_err(|error| session_store::Error::Encode(error.to_string()))?;
    record.data.insert(KEY.to_owned(), value);
    Ok(())
}
