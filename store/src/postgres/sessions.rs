//! The records of sessions.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::PostgresStore;
use crate::column::session_of;
use crate::ids::ResourceId;
use crate::people::Email;
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::session_record::{SessionRecord, SessionRecords};
use crate::store_error::StoreError;
use crate::sweep::SESSIONS_AT_ONCE;

#[async_trait]
impl SessionRecords for PostgresStore {
    async fn insert_session(&self, session: &SessionRecord) -> Result<bool, StoreError> {
        // `FOR SHARE` waits for a concurrent end of the resource, which would miss this session.
        let insert = sqlx::query(
            "INSERT INTO tower_heroku_sso.session
             (key, resource, email, kind, sequence, began_at, seen_at, ends_at, data)
             SELECT $1, id, $3, $4, $5, $6, $7, $8, $9 FROM tower_heroku_sso.resource
             WHERE id = $2 AND state = 'active' FOR SHARE",
        )
        .bind(session.key.as_str())
        .bind(session.resource.as_uuid())
        .bind(session.email.as_str())
        .bind(session.kind.as_str())
        .bind(session.sequence.number())
        .bind(session.began)
        .bind(session.seen_at)
        .bind(session.ends_at)
        .bind(&session.grant);
        Ok(self.db.execute(insert).await?.rows_affected() > 0)
    }

    async fn find_session(&self, key: &SessionKey) -> Result<Option<SessionRecord>, StoreError> {
        let find = sqlx::query("SELECT * FROM tower_heroku_sso.session WHERE key = $1");
        let row = self.db.optional(find.bind(key.as_str())).await?;
        row.map_or(Ok(None), |row| session(&row))
    }

    async fn list_sessions(
        &self,
        resource: &ResourceId,
        email: Option<&Email>,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let list = sqlx::query(
            "SELECT * FROM tower_heroku_sso.session s
             WHERE resource = $1 AND ($2::text IS NULL OR email = $2)
             AND sequence >= coalesce((SELECT sessions_since FROM tower_heroku_sso.resource
             WHERE id = $1), 0) AND NOT EXISTS (SELECT 1 FROM tower_heroku_sso.revocation r
             WHERE r.resource = $1 AND r.email = s.email AND r.sequence > s.sequence)
             ORDER BY began_at DESC LIMIT $3",
        )
        .bind(resource.as_uuid())
        .bind(email.map(Email::as_str))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.db.all(list).await?;
        let sessions = rows.iter().filter_map(|row| session(row).transpose());
        sessions.collect()
    }

    async fn note_seen(&self, seen: &[(SessionKey, OffsetDateTime)]) -> Result<(), StoreError> {
        let (keys, at): (Vec<&str>, Vec<OffsetDateTime>) =
            seen.iter().map(|(key, at)| (key.as_str(), *at)).unzip();
        // Skips rows that another process is updating, so that two processes never wait for each other.
        let update = sqlx::query(
            "UPDATE tower_heroku_sso.session SET seen_at = u.at
             FROM unnest($1::text[], $2::timestamptz[]) AS u (key, at)
             WHERE session.key = u.key AND session.key IN
             (SELECT s.key FROM tower_heroku_sso.session s
             JOIN unnest($1::text[], $2::timestamptz[]) AS v (key, at) ON v.key = s.key
             WHERE s.seen_at <= v.at - interval '1 minute' FOR UPDATE OF s SKIP LOCKED)",
        )
        .bind(keys)
        .bind(at);
        self.db.execute(update).await?;
        Ok(())
    }
}

/// By the server's clock, too: one process with a fast clock must not delete for all.
const ENDED: &str = "DELETE FROM tower_heroku_sso.session WHERE key IN
    (SELECT key FROM tower_heroku_sso.session
    WHERE ends_at < least($1, clock_timestamp() - interval '1 hour')
    LIMIT $2 FOR UPDATE SKIP LOCKED)";
/// A release without this table ends a resource, and leaves its sessions. `$1` is here only because both
/// batches get it.
const LEFT_BEHIND: &str = "DELETE FROM tower_heroku_sso.session WHERE key IN
    (SELECT s.key FROM tower_heroku_sso.resource r
    JOIN tower_heroku_sso.session s ON s.resource = r.id
    WHERE r.state <> 'active' AND $1::timestamptz IS NOT NULL LIMIT $2 FOR UPDATE OF s SKIP LOCKED)";

/// Removes sessions that ended before `before`, and those of resources that have ended. In small batches,
/// which hold no lock for long.
pub(super) async fn remove_old_sessions(
    store: &PostgresStore,
    before: OffsetDateTime,
) -> Result<(), StoreError> {
    for batch in [ENDED, LEFT_BEHIND] {
        loop {
            let remove = sqlx::query(batch).bind(before).bind(SESSIONS_AT_ONCE);
            let removed = store.db.execute(remove).await?.rows_affected();
            if removed < SESSIONS_AT_ONCE.unsigned_abs() {
                break;
            }
        }
    }
    Ok(())
}

/// None for a record that only a later version understands.
fn session(row: &PgRow) -> Result<Option<SessionRecord>, StoreError> {
    let resource: Uuid = row.try_get("resource")?;
    Ok(session_of(
        SessionKey::from_stored(row.try_get::<&str, _>("key")?),
        resource.into(),
        row.try_get("email")?,
        row.try_get("kind")?,
        Sequence::new(row.try_get("sequence")?),
        [
            row.try_get("began_at")?,
            row.try_get("seen_at")?,
            row.try_get("ends_at")?,
        ],
        row.try_get("data")?,
    ))
}
