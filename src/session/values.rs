//! Values of the partner's own that belong to a session: one record of a tower-sessions store for each
//! session.

use std::array;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use heroku_sso_store::SessionKey;
use http::Extensions;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tower_sessions::session::{self, Id, Record};
use tower_sessions::{Expiry, Session, SessionStore, session_store};

use super::bounded::BoundedSessionStore;

/// The only name in each record. A record of the gate's sessions, or of a `SessionManagerLayer` on the same
/// store, has others, so that none of the three is ever read as another.
const KEY: &str = "heroku_sso_values";

/// Where the values of all sessions are.
#[derive(Clone, Debug)]
pub(crate) struct SessionValues(Arc<BoundedSessionStore>);

impl SessionValues {
    pub(crate) fn new(store: impl SessionStore) -> Self {
        Self(Arc::new(BoundedSessionStore::new(Arc::new(store))))
    }

    /// Removes the session of any other layer from a request.
    pub(crate) fn remove_from(extensions: &mut Extensions) {
        extensions.remove::<Session>();
    }

    /// The values of one session. The store is read when a handler asks for a value.
    pub(crate) fn of(&self, session: &SessionKey, latest_end: OffsetDateTime) -> OpenValues {
        let record = Arc::new(ValueRecord {
            store: Arc::clone(&self.0),
            id: id_of(session),
            latest_end,
            exists: AtomicBool::new(false),
        });
        let expiry = Expiry::AtDateTime(latest_end);
        OpenValues {
            session: Session::new(Some(record.id), Arc::clone(&record), Some(expiry)),
            record,
        }
    }
}

/// The values of one session during one request.
pub(crate) struct OpenValues {
    session: Session,
    record: Arc<ValueRecord>,
}

impl OpenValues {
    /// Gives them to the request's handler.
    pub(crate) fn insert_into(&self, extensions: &mut Extensions) {
        extensions.insert(self.session.clone());
    }

    /// Stores what the handler has changed.
    pub(crate) async fn save(&self) -> Result<(), session::Error> {
        if !self.session.is_modified() {
            return Ok(());
        }
        match self.session.is_empty().await {
            true => Ok(self.record.delete(&self.record.id).await?),
            false => self.session.save().await,
        }
    }
}

/// The record of one session, as a store with one record: it ignores the id that it is asked for.
#[derive(Debug)]
struct ValueRecord {
    store: Arc<BoundedSessionStore>,
    id: Id,
    latest_end: OffsetDateTime,
    /// True once the store is known to have it.
    exists: AtomicBool,
}

#[async_trait]
impl SessionStore for ValueRecord {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        record.id = self.id;
        self.save(record).await
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let values = serde_json::to_value(&record.data)
            .map_err(|error| session_store::Error::Encode(error.to_string()))?;
        let mut stored = Record {
            id: self.id,
            data: HashMap::from([(KEY.to_owned(), values)]),
            expiry_date: record.expiry_date.min(self.latest_end),
        };
        if !self.exists.load(Ordering::Relaxed) {
            // Some stores save a record only if they have it already.
            self.store.create(&mut stored).await?;
            self.exists.store(true, Ordering::Relaxed);
            if stored.id == self.id {
                return Ok(());
            }
            // Another request has created it, and the store has given this copy another id.
            self.store.delete(&stored.id).await?;
            stored.id = self.id;
        }
        self.store.save(&stored).await
    }

    async fn load(&self, _: &Id) -> session_store::Result<Option<Record>> {
        let stored = self.store.load(&self.id).await?;
        self.exists.store(stored.is_some(), Ordering::Relaxed);
        let values = stored.and_then(|mut stored| stored.data.remove(KEY));
        let data = match values {
            Some(values) => serde_json::from_value(values)
                .map_err(|error| session_store::Error::Decode(error.to_string()))?,
            // Not yet created. With None, tower-sessions would choose another id.
            None => HashMap::new(),
        };
        Ok(Some(Record {
            id: self.id,
            data,
            expiry_date: self.latest_end,
        }))
    }

    async fn delete(&self, _: &Id) -> session_store::Result<()> {
        self.exists.store(false, Ordering::Relaxed);
        self.store.delete(&self.id).await
    }
}

/// The id of a session's record of values: a digest, which does not reveal the session.
fn id_of(session: &SessionKey) -> Id {
    let digest = Sha256::new()
        .chain_update(KEY)
        .chain_update(session.as_str())
        .finalize();
    Id(i128::from_le_bytes(array::from_fn(|at| digest[at])))
}
