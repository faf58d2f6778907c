//! Change of the encryption key, and removal of expired rows.

use sqlx::Row;
use time::OffsetDateTime;

use super::sessions::remove_old_sessions;
use super::{PostgresStore, row};
use crate::column::reencrypted;
use crate::store_error::StoreError;
use crate::sweep::RETENTION;

impl PostgresStore {
    /// Encrypts with the first key all values that another key has encrypted. Returns the number of resources
    /// that had such values: call it until it returns zero, as a resource that changes during the call is left
    /// to the next one. May be stopped and repeated at any time, while other processes that have both keys are
    /// running.
    ///
    /// # Errors
    /// If a value does not open, or the database does not answer.
    pub async fn reencrypt(&self) -> Result<usize, StoreError> {
        let rows = sqlx::query(
            "SELECT id, tokens, grant_code, revision FROM tower_heroku_sso.resource
             WHERE tokens IS NOT NULL OR grant_code IS NOT NULL",
        );
        let mut count = 0;
        for row in self.db.all(rows).await? {
            let id = row::id(&row)?;
            let (tokens, code) = (row.try_get("tokens")?, row.try_get("grant_code")?);
            let Some(encrypted) = reencrypted(&self.keys, &id, tokens, code)? else {
                continue;
            };
            let update = sqlx::query(
                "UPDATE tower_heroku_sso.resource SET tokens = $2, grant_code = $3
                 WHERE id = $1 AND revision = $4",
            )
            .bind(id.as_uuid())
            .bind(encrypted.tokens)
            .bind(encrypted.code)
            .bind(row.try_get::<i64, _>("revision")?);
            // A resource that was changed meanwhile keeps its value: it is counted, and left to the next call.
            self.db.execute(update).await?;
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
        // Uses the server's clock too: one process with a fast clock must not delete for all.
        let forms = sqlx::query(
            "DELETE FROM tower_heroku_sso.used_sign_in
             WHERE until < least($1, clock_timestamp() - interval '1 hour')",
        )
        .bind(now - RETENTION);
        // Rows that the other processes may not have read yet always stay.
        let closed = sqlx::query(
            "DELETE FROM tower_heroku_sso.closed_session
             WHERE until < least($1, clock_timestamp() - interval '1 hour')
             AND closed_at < clock_timestamp() - interval '1 hour'",
        )
        .bind(now - RETENTION);
        let leases = sqlx::query(
            "DELETE FROM tower_heroku_sso.lease
             WHERE until < clock_timestamp() - interval '1 hour'",
        );
        // An erasure locks several teams: the sweep waits for none of them while it holds others.
        let teams = sqlx::query(
            "DELETE FROM tower_heroku_sso.team WHERE id IN
             (SELECT id FROM tower_heroku_sso.team t
             WHERE asked < clock_timestamp() - interval '1 hour' AND NOT EXISTS
             (SELECT 1 FROM tower_heroku_sso.resource WHERE team_id = t.id)
             FOR UPDATE SKIP LOCKED)",
        );
        for old in [forms, closed, leases, teams] {
            self.db.execute(old).await?;
        }
        remove_old_sessions(self, now - RETENTION).await
    }
}
