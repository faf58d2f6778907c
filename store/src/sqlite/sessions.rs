//! The records of sessions.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::SqliteStore;
use super::row::{micros, moment};
use crate::column::session_of;
use crate::ids::ResourceId;
use crate::people::Email;
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::session_record::{SessionRecord, SessionRecords};
use crate::store_error::StoreError;
use crate::sweep::SESSIONS_AT_ONCE;

/// In microseconds.
const MINUTE: i64 = 60_000_000;

#[async_trait]
impl SessionRecords for SqliteStore {
    async fn insert_session(&self, session: &SessionRecord) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO heroku_sso_session
             (key, resource, email, kind, sequence, began_at, seen_at, ends_at, data)
             SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM heroku_sso_resource
             WHERE id = ?2 AND state = 'active'",
        )
        .bind(session.key.as_str())
        .bind(session.resource.to_string())
        .bind(session.email.as_str())
        .bind(session.kind.as_str())
        .bind(session.sequence.number())
        .bind(micros(session.began))
        .bind(micros(session.seen_at))
        .bind(micros(session.ends_at))
        .bind(&session.grant)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn find_session(&self, key: &SessionKey) -> Result<Option<SessionRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM heroku_sso_session WHERE key = ?1")
            .bind(key.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.map_or(Ok(None), |row| session(&row))
    }

    async fn list_sessions(
        &self,
        resource: &ResourceId,
        email: Option<&Email>,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM heroku_sso_session s
             WHERE resource = ?1 AND (?2 IS NULL OR email = ?2)
             AND sequence >= coalesce((SELECT sessions_since FROM heroku_sso_resource
             WHERE id = ?1), 0) AND NOT EXISTS (SELECT 1 FROM heroku_sso_revocation r
             WHERE r.resource = ?1 AND r.email = s.email AND r.sequence > s.sequence)
             ORDER BY began_at DESC LIMIT ?3",
        )
        .bind(resource.to_string())
        .bind(email.map(Email::as_str))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await?;
        let sessions = rows.iter().filter_map(|row| session(row).transpose());
        sessions.collect()
    }

    async fn note_seen(&self, seen: &[(SessionKey, OffsetDateTime)]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        for (key, at) in seen {
            sqlx::query(
                "UPDATE heroku_sso_session SET seen_at = ?2 WHERE key = ?1 AND seen_at <= ?3",
            )
            .bind(key.as_str())
            .bind(micros(*at))
            .bind(micros(*at) - MINUTE)
            .execute(&mut *transaction)
            .await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// Closes a session: its record is deleted, and copies of it elsewhere are no longer valid.
pub(super) async fn close_session(
    store: &SqliteStore,
    session: &SessionKey,
    until: OffsetDateTime,
) -> Result<(), StoreError> {
    let mut transaction = store.pool.begin().await?;
    sqlx::query("DELETE FROM heroku_sso_session WHERE key = ?1")
        .bind(session.as_str())
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO heroku_sso_closed_session (key, until) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET until = max(until, excluded.until)",
    )
    .bind(session.as_str())
    .bind(micros(until))
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

const ENDED: &str = "DELETE FROM heroku_sso_session WHERE key IN
    (SELECT key FROM heroku_sso_session WHERE ends_at < ?1 LIMIT ?2)";
/// A release without this table ends a resource, and leaves its sessions. `?1` is here only because both
/// batches get it.
const LEFT_BEHIND: &str = "DELETE FROM heroku_sso_session WHERE key IN
    (SELECT s.key FROM heroku_sso_resource r JOIN heroku_sso_session s ON s.resource = r.id
    WHERE r.state <> 'active' AND ?1 NOT NULL LIMIT ?2)";

/// Removes sessions that ended before `before`, and those of resources that have ended. In small batches,
/// between which other calls get the connection.
pub(super) async fn remove_old_sessions(
    store: &SqliteStore,
    before: OffsetDateTime,
) -> Result<(), StoreError> {
    for batch in [ENDED, LEFT_BEHIND] {
        loop {
            let remove = sqlx::query(batch)
                .bind(micros(before))
                .bind(SESSIONS_AT_ONCE);
            let removed = remove.execute(&store.pool).await?.rows_affected();
            if removed < SESSIONS_AT_ONCE.unsigned_abs() {
                break;
            }
        }
    }
    Ok(())
}

/// None for a record that only a later version understands.
fn session(row: &SqliteRow) -> Result<Option<SessionRecord>, StoreError> {
    let resource: &str = row.try_get("resource")?;
    Ok(session_of(
        SessionKey::from_stored(row.try_get::<&str, _>("key")?),
        resource.parse().map_err(StoreError::new)?,
        row.try_get("email")?,
        row.try_get("kind")?,
        Sequence::new(row.try_get("sequence")?),
        [
            moment(row.try_get("began_at")?)?,
            moment(row.try_get("seen_at")?)?,
            moment(row.try_get("ends_at")?)?,
        ],
        row.try_get("data")?,
    ))
}
