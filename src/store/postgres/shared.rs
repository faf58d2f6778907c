//! Leases, and word to the other processes.

use std::time::Duration;

use async_trait::async_trait;

use super::notices::{self, Listening};
use super::{PostgresStore, answer};
use crate::store::{SessionKey, SharedStore, StoreError, StoreNotices, Work};

#[async_trait]
impl SharedStore for PostgresStore {
    async fn lease(&self, work: &Work, life: Duration) -> Result<bool, StoreError> {
        let (work, life) = (work.to_string(), life.as_secs_f64());
        // A lease that another process is about to take is not waited for.
        let taken = sqlx::query(
            "UPDATE tower_heroku_sso.lease
             SET holder = $2, until = clock_timestamp() + make_interval(secs => $3)
             WHERE work = (SELECT work FROM tower_heroku_sso.lease
             WHERE work = $1 AND (holder = $2 OR until <= clock_timestamp())
             FOR UPDATE SKIP LOCKED)",
        )
        .bind(&work)
        .bind(self.me)
        .bind(life);
        if answer(taken.execute(&self.pool)).await?.rows_affected() > 0 {
            return Ok(true);
        }
        let made = sqlx::query(
            "INSERT INTO tower_heroku_sso.lease (work, holder, until)
             VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
             ON CONFLICT (work) DO NOTHING",
        )
        .bind(&work)
        .bind(self.me)
        .bind(life);
        Ok(answer(made.execute(&self.pool)).await?.rows_affected() > 0)
    }

    async fn release(&self, work: &Work) -> Result<(), StoreError> {
        let release =
            sqlx::query("DELETE FROM tower_heroku_sso.lease WHERE work = $1 AND holder = $2")
                .bind(work.to_string())
                .bind(self.me);
        answer(release.execute(&self.pool)).await?;
        Ok(())
    }

    async fn announce_closed(&self, session: &SessionKey) -> Result<(), StoreError> {
        let change = sqlx::query(
            "WITH closed AS (INSERT INTO tower_heroku_sso.closed_session (key, closed_by)
             VALUES ($1, $2) ON CONFLICT (key) DO NOTHING)
             SELECT pg_notify($3, $4)::text",
        )
        .bind(session.as_str())
        .bind(self.me)
        .bind(notices::CHANNEL)
        .bind(notices::session(self.me, session));
        answer(change.fetch_optional(&self.pool)).await?;
        Ok(())
    }

    async fn was_closed(&self, session: &SessionKey) -> Result<bool, StoreError> {
        let closed = sqlx::query("SELECT 1 FROM tower_heroku_sso.closed_session WHERE key = $1")
            .bind(session.as_str());
        Ok(answer(closed.fetch_optional(&self.pool)).await?.is_some())
    }

    fn notices(&self) -> Box<dyn StoreNotices> {
        Box::new(Listening::new(self.pool.clone(), self.me, self.opened_at))
    }
}
