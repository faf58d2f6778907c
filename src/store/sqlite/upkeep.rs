//! Change of the encryption key, and removal of expired rows.

use sqlx::Row;
use time::OffsetDateTime;

use super::SqliteStore;
use super::row::{self, micros};
use crate::store::StoreError;
use crate::store::column::resealed;
use crate::store::sweep::CLOCK_SKEW_GRACE;

impl SqliteStore {
    /// Seals with the first key all values that another key has sealed. Returns the number of resources that
    /// were resealed. May be stopped and repeated at any time.
    ///
    /// # Errors
    /// If a value does not open, or the file cannot be used.
    pub async fn reseal(&self) -> Result<usize, StoreError> {
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
            let Some(sealed) = resealed(&self.keys, &id, tokens, code)? else {
                continue;
            };
            let done = sqlx::query(
                "UPDATE heroku_sso_resource SET tokens = ?2, grant_code = ?3
                 WHERE id = ?1 AND revision = ?4",
            )
            .bind(id.to_string())
            .bind(sealed.tokens)
            .bind(sealed.code)
            .bind(row.try_get::<i64, _>("revision")?);
            let done = done.execute(&self.pool).await?;
            // A resource that was changed meanwhile was sealed with the first key by that change.
            count += usize::from(done.rows_affected() > 0);
        }
        Ok(count)
    }

    /// Removes expired rows, at intervals.
    pub(super) fn sweep(&self, now: OffsetDateTime) {
        let store = self.clone();
        self.sweep
            .run(now, || async move { store.remove_what_is_old(now).await });
    }

    async fn remove_what_is_old(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        let used = sqlx::query("DELETE FROM heroku_sso_used_sign_in WHERE until < ?1")
            .bind(micros(now - CLOCK_SKEW_GRACE))
            .execute(&self.pool);
        let closed = sqlx::query("DELETE FROM heroku_sso_closed_session WHERE until < ?1")
            .bind(micros(now - CLOCK_SKEW_GRACE))
            .execute(&self.pool);
        let teams = sqlx::query(
            "DELETE FROM heroku_sso_team WHERE asked_at < ?1 AND NOT EXISTS
             (SELECT 1 FROM heroku_sso_resource WHERE team_id = heroku_sso_team.id)",
        )
        .bind(micros(now - CLOCK_SKEW_GRACE))
        .execute(&self.pool);
        used.await?;
        closed.await?;
        teams.await?;
        Ok(())
    }
}
