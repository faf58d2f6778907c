//! Where the records of sessions are: in the crate's own store by their hash, or in a given
//! [`SessionStore`](tower_sessions::SessionStore) by their id.

use std::collections::HashMap;
use std::sync::Arc;

use heroku_sso_store::{SessionKey, SessionRecord};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store;

use super::Grant;
use super::bounded::BoundedSessionStore;
use super::error::SessionError;
use super::key::session_key;
use crate::store::{BoundedSessions, BoundedStore, SessionKind, StoreError};

/// The name of the grant in a given store's record. Other names belong to the partner.
const KEY: &str = "heroku_sso";

/// A record of a given store stays a little longer than its session: the processes' clocks differ, and the
/// session's own end is the one that counts.
const RETENTION: time::Duration = time::Duration::seconds(120);

/// The records, with a deadline for each call.
#[derive(Debug)]
pub(super) enum Records {
    Own(OwnRecords),
    Given(GivenRecords),
}

/// Records in the crate's own store, which never learns an id.
#[derive(Clone, Debug)]
pub(super) struct OwnRecords(Arc<BoundedStore>);

/// Records in a given store.
#[derive(Debug)]
pub(super) struct GivenRecords {
    store: BoundedSessionStore,
}

impl Records {
    /// Stores the grant under a new id.
    pub(super) async fn create(
        &self,
        grant: &Grant,
        latest_end: OffsetDateTime,
    ) -> Result<Id, SessionError> {
        match self {
            Self::Own(own) => {
                let id = Id::default();
                own.insert(&session_key(&id), grant, grant.kind(), latest_end)
                    .await?;
                Ok(id)
            }
            Self::Given(given) => Ok(given.create(grant, latest_end).await?),
        }
    }

    /// The grant under this id. `is_known` if the process has a copy of it.
    pub(super) async fn load(
        &self,
        id: &Id,
        is_known: bool,
    ) -> Result<Option<Grant>, SessionError> {
        match self {
            Self::Own(own) => own.find(&session_key(id), is_known).await,
            Self::Given(given) => Ok(given.load(id, is_known).await?),
        }
    }
}

impl OwnRecords {
    /// The store must keep sessions.
    pub(super) fn new(store: Arc<BoundedStore>) -> Self {
        Self(store)
    }

    pub(super) fn calls(&self) -> Result<BoundedSessions<'_>, StoreError> {
        let sessions = self.0.sessions();
        sessions.ok_or_else(|| StoreError::new("this store keeps no sessions"))
    }

    pub(super) async fn insert(
        &self,
        key: &SessionKey,
        grant: &Grant,
        kind: SessionKind,
        latest_end: OffsetDateTime,
    ) -> Result<(), SessionError> {
        let text = serde_json::to_string(grant).map_err(StoreError::new)?;
        let record = SessionRecord::from_stored(
            key.clone(),
            grant.resource,
            grant.email.clone(),
            kind,
            grant.sequence,
            [grant.began, grant.began, latest_end],
            text,
        );
        match self.calls()?.insert_session(&record).await? {
            true => Ok(()),
            false => Err(SessionError::ResourceEnded),
        }
    }

    async fn find(&self, key: &SessionKey, is_known: bool) -> Result<Option<Grant>, SessionError> {
        let calls = self.calls()?;
        let record = match is_known {
            true => calls.find_again(key).await?,
            false => calls.find_session(key).await?,
        };
        // A command-line client has no cookie, and its key opens nothing.
        let record = record.filter(|record| record.kind != SessionKind::Bearer);
        let grant = record.and_then(|record| serde_json::from_str::<Grant>(&record.grant).ok());
        Ok(grant.filter(Grant::is_readable))
    }
}

impl GivenRecords {
    pub(super) fn new(store: BoundedSessionStore) -> Self {
        Self { store }
    }

    async fn create(&self, grant: &Grant, latest_end: OffsetDateTime) -> session_store::Result<Id> {
        let mut record = Record {
            id: Id::default(),
            data: HashMap::new(),
            expiry_date: latest_end.saturating_add(RETENTION),
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
        Ok(record.id)
    }

    async fn load(&self, id: &Id, is_known: bool) -> session_store::Result<Option<Grant>> {
        let record = match is_known {
            true => self.store.load_again(id).await?,
            false => self.store.load(id).await?,
        };
        Ok(record.and_then(|record| read(&record, id)))
    }

    pub(super) async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.store.delete(id).await
    }
}

/// A grant in a given store's record. Other users of that store can copy a record to another id, as
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

fn write(record: &mut Record, id: &Id, grant: &Grant) -> session_store::Result<()> {
    let bound = BoundGrant {
        session: session_key(id),
        grant: grant.clone(),
    };
    let value = serde_json::to_value(bound)
        .map_err(|error| session_store::Error::Encode(error.to_string()))?;
    record.data.insert(KEY.to_owned(), value);
    Ok(())
}
