//! A session that was just opened, until its client gets it.

use time::OffsetDateTime;

use super::credential::SessionRef;
use super::grant::Grant;
use super::unsent_record::UnsentRecord;

/// A session that was just opened. It is deleted if it is dropped before it is handed over.
pub(crate) struct NewSession {
    pub(crate) session: SessionRef,
    /// The value of its cookie, or its token.
    pub(crate) value: String,
    pub(crate) grant: Grant,
    /// When the cookie, the record or the token ends; the list decides at each use.
    pub(crate) latest_end: OffsetDateTime,
    /// The session's record, until a client has the session. None without a record.
    pub(super) record: Option<UnsentRecord>,
}

impl NewSession {
    /// The client gets the session, and it stays.
    pub(crate) fn hand_over(&mut self) {
        if let Some(record) = self.record.take() {
            record.keep();
        }
    }

    /// Deletes the session, which no client knows.
    pub(crate) async fn discard(self) {
        if let Some(record) = self.record {
            record.delete().await;
        }
    }
}
