//! Change of the encryption key, and removal of expired rows.

use sqlx::{Row, SqlitePool};
use time::OffsetDateTime;

use super::SqliteStore;
use super::row::{self, micros};
use super::sessions::remove_old_sessions;
use crate::column::reencrypted;
use crate::encryption::{EncryptionKeys, check_keys};
use crate::store_error::StoreError;
use crate::sweep::RETENTION;

impl SqliteStore {
    /// Encrypts with the first key all values that another key has encrypted. Returns the number of resources
    /// that had such values: call it until it returns zero, as a resource that changes during the call is left
    /// to the next one. May be stopped and repeated at any time.
    ///
    /// # Errors
    /// If a value does not open, or the file cannot be used.
    pub async fn reencrypt(&self) -> Result<usize, StoreError> {
        let rows = sqlx::query(
            "SELECT id, tokens, grant_code, revision FROM heroku_sso_resource
             WHERE tokens NOT NULL OR grant_code NOT NULL",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut count = 0;
        for row in rows {
            let id = row::id(&row)?;
            let (tokens, code) = (row.try_get("tokens")?, row.try_get("grant_code")?);
            let Some(encrypted) = reencrypted(&self.keys, &id, tokens, code)? else {
                continue;
            };
            let update = sqlx::query(
                "UPDATE heroku_sso_resource SET tokens = ?2, grant_code = ?3
                 WHERE id = ?1 AND revision = ?4",
            )
            .bind(id.to_string())
            .bind(encrypted.tokens)
            .bind(encrypted.code)
            .bind(row.try_get::<i64, _>("revision")?);
            // A resource that was changed meanwhile keeps its value: it is counted, and left to the next call.
            update.execute(&self.pool).await?;
            count += 1;
        }
        Ok(count)
    }

    /// Removes expired rows, at intervals.
    pub(super) fn sweep(&self, now: OffsetDateTime) {
        self.sweep.run(now, || {
            let store = self.clone();
            async move { store.remove_expired(now).await }
        });
    }

    async fn remove_expired(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        let used = sqlx::query("DELETE FROM heroku_sso_used_sign_in WHERE until < ?1")
            .bind(micros(now - RETENTION))
            .execute(&self.pool);
        let closed = sqlx::query("DELETE FROM heroku_sso_closed_session WHERE until < ?1")
            .bind(micros(now - RETENTION))
            .execute(&self.pool);
        let teams = sqlx::query(
            "DELETE FROM heroku_sso_team WHERE asked_at < ?1 AND NOT EXISTS
             (SELECT 1 FROM heroku_sso_resource WHERE team_id = heroku_sso_team.id)",
        )
        .bind(micros(now - RETENTION))
        .execute(&self.pool);
        used.await?;
        closed.await?;
        teams.await?;
        remove_old_sessions(self, now - RETENTION).await
    }
}

/// An error if a value in the file is encrypted with a key that is not among `keys`.
pub(super) async fn check_stored_keys(
    pool: &SqlitePool,
    keys: &EncryptionKeys,
) -> Result<(), StoreError> {
    let encrypted: Vec<(Vec<u8>,)> = sqlx::query_as(
        "SELECT DISTINCT substr(tokens, 1, 9) FROM heroku_sso_resource WHERE tokens NOT NULL
         UNION SELECT DISTINCT substr(grant_code, 1, 9) FROM heroku_sso_resource
         WHERE grant_code NOT NULL",
    )
    .fetch_all(pool)
    .await?;
    check_keys(keys, encrypted.iter().map(|(start,)| start.as_slice()))
}
