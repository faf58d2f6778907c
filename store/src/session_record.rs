//! The records of sessions, and the interface of a store that keeps them.

use std::fmt;

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::ids::ResourceId;
use crate::people::Email;
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::store_error::StoreError;

/// One session as a store keeps it. It does not contain the session's id, and nothing in it opens the
/// session.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SessionRecord {
    /// The SHA-256 of the session's id, in hex.
    pub key: SessionKey,
    /// The resource that the user signed in to.
    pub resource: ResourceId,
    /// The user's email.
    pub email: Email,
    /// How the client holds the session.
    pub kind: SessionKind,
    /// The sequence number of the sign-in.
    pub sequence: Sequence,
    /// When the user signed in.
    pub began: OffsetDateTime,
    /// When the session was last used, to about a minute.
    pub seen_at: OffsetDateTime,
    /// When the session ends at the latest.
    pub ends_at: OffsetDateTime,
    /// JSON of the gate, of a few kilobytes at most: who signed in, how, and when. It contains the email, and
    /// no secret. A store returns it unchanged.
    pub grant: String,
}

impl SessionRecord {
    /// A record as read from a store.
    pub fn from_stored(
        key: SessionKey,
        resource: ResourceId,
        email: Email,
        kind: SessionKind,
        sequence: Sequence,
        [began, seen_at, ends_at]: [OffsetDateTime; 3],
        grant: String,
    ) -> Self {
        Self {
            key,
            resource,
            email,
            kind,
            sequence,
            began,
            seen_at,
            ends_at,
            grant,
        }
    }
}

/// How a session began, and how its client holds it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SessionKind {
    /// A sign-in through Heroku, with a cookie.
    Browser,
    /// A command-line sign-in, with a bearer token and no cookie.
    Bearer,
    /// The partner's own login, with a cookie.
    OwnLogin,
}

impl SessionKind {
    /// The kind as text, for a store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Bearer => "bearer",
            Self::OwnLogin => "own_login",
        }
    }

    /// The kind with this text; none for a kind of a later version.
    pub fn from_stored(text: &str) -> Option<Self> {
        let kinds = [Self::Browser, Self::Bearer, Self::OwnLogin];
        kinds.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for SessionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The part of a [`Store`](crate::Store) that keeps sessions, so that no other session store is
/// needed.
///
/// The [rules of `Store`](crate::Store) hold here, too.
///
/// Records are deleted by the store's other methods: when the session is
/// [closed](crate::Store::close_session), when its user is [erased](crate::Store::erase_person), and when its
/// resource is no longer active or dormant. A [sweep](crate::Store#sweep) deletes the records of sessions
/// that ended over an hour ago, in small batches. The record of a [revoked](crate::Store::revoke) session may
/// stay until then, but is not listed.
#[async_trait]
pub trait SessionRecords: fmt::Debug + Send + Sync {
    /// Stores a session under a new key. Returns false, and stores nothing, if its resource is neither active
    /// nor dormant. The gate stores a key once; for a key that exists, an error is right.
    async fn insert_session(&self, session: &SessionRecord) -> Result<bool, StoreError>;

    /// The session with this key. It may have ended.
    async fn find_session(&self, key: &SessionKey) -> Result<Option<SessionRecord>, StoreError>;

    /// At most `limit` sessions of a resource, or of one user at it: those that
    /// [began](crate::SessionRecord::began)
    /// last, latest first. Revoked ones are left out. Those past their `ends_at` may be included.
    async fn list_sessions(
        &self,
        resource: &ResourceId,
        email: Option<&Email>,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, StoreError>;

    /// Records when sessions were used. An earlier use never replaces a later one. May ignore a use less than
    /// a minute after the last recorded one, and ignores any use of a session that does not exist.
    async fn note_seen(&self, seen: &[(SessionKey, OffsetDateTime)]) -> Result<(), StoreError>;
}
