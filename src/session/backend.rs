//! Where the grants of browsers are stored: in records, or in signed cookies.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::bounded::BoundedSessionStore;
use super::credential::SessionRef;
use super::error::SessionError;
use super::grant::Grant;
#[cfg(feature = "jwt")]
use super::key::new_session_key;
use super::records::{GivenRecords, OwnRecords, Records};
#[cfg(feature = "jwt")]
use super::signed::{CookieClaims, SignedSessions};
use super::stored::StoredSessions;
use super::unsent_record::UnsentRecord;
use crate::clock::SharedClock;
#[cfg(feature = "jwt")]
use crate::jwt::Codec;
use crate::store::BoundedStore;
use crate::sync::ClosedSessions;

/// The choice of where to store the grants of browsers.
pub(crate) enum BackendChoice {
    /// In the crate's own store, which must keep sessions. The duration says how long a record is used before
    /// it is read again; zero: not at all.
    Own(Arc<BoundedStore>, Duration),
    /// The same in a given store.
    Given(BoundedSessionStore, Duration),
    /// In the cookie itself. The duration says how long it is used before the store is asked whether it was
    /// closed.
    #[cfg(feature = "jwt")]
    Cookie(Arc<Codec>, Duration),
}

/// Where the grants of browsers are stored.
#[derive(Debug)]
pub(super) enum SessionBackend {
    Stored(Arc<StoredSessions>),
    #[cfg(feature = "jwt")]
    InCookie(Box<SignedSessions<CookieClaims>>),
}

impl SessionBackend {
    pub(super) fn new(
        choice: BackendChoice,
        clock: SharedClock,
        closed: Arc<ClosedSessions>,
    ) -> Self {
        let (records, cached_for) = match choice {
            BackendChoice::Own(store, cached_for) => {
                (Records::Own(OwnRecords::new(store)), cached_for)
            }
            BackendChoice::Given(store, cached_for) => {
                (Records::Given(GivenRecords::new(store)), cached_for)
            }
            #[cfg(feature = "jwt")]
            BackendChoice::Cookie(codec, cached_for) => {
                let signed = SignedSessions::new(codec, clock, closed, cached_for);
                return Self::InCookie(Box::new(signed));
            }
        };
        Self::Stored(StoredSessions::new(records, clock, closed, cached_for))
    }

    /// The records, if they are in the crate's own store.
    pub(super) fn own_records(&self) -> Option<&OwnRecords> {
        match self {
            Self::Stored(stored) => stored.own(),
            #[cfg(feature = "jwt")]
            Self::InCookie(_) => None,
        }
    }

    /// Opens a session under a new name. Returns the value of its cookie, and its record, if it has one.
    pub(super) async fn open(
        &self,
        grant: &Grant,
        latest_end: OffsetDateTime,
    ) -> Result<(SessionRef, String, Option<UnsentRecord>), SessionError> {
        match self {
            Self::Stored(stored) => {
                let record = UnsentRecord::create(stored, grant, latest_end).await?;
                let id = *record.id();
                Ok((SessionRef::Stored(id), id.to_string(), Some(record)))
            }
            #[cfg(feature = "jwt")]
            Self::InCookie(signed) => {
                let key = new_session_key();
                let value = signed.sign(&key, grant, latest_end)?;
                Ok((SessionRef::Signed(key), value, None))
            }
        }
    }

    /// True if this process knows that the session exists or did exist, without a request to any store.
    pub(super) fn has_seen(&self, session: &SessionRef) -> bool {
        match (session, self) {
            (SessionRef::Stored(id), Self::Stored(stored)) => stored.has_seen(id),
            // The token has our signature.
            _ => true,
        }
    }
}
