//! Leases, and events from the other processes.

use std::time::Duration;

use async_trait::async_trait;

use super::PostgresStore;
use super::events::Listening;
use crate::shared::{SharedStore, StoreEvents, Work};
use crate::store_error::StoreError;

#[async_trait]
impl SharedStore for PostgresStore {
    async fn lease(&self, work: &Work, life: Duration) -> Result<bool, StoreError> {
        let (work, life) = (work.to_string(), life.as_secs_f64());
        // Does not wait for a lease that another process is about to take.
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
        if self.db.execute(taken).await?.rows_affected() > 0 {
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
        Ok(self.db.execute(made).await?.rows_affected() > 0)
    }

    async fn release(&self, work: &Work) -> Result<(), StoreError> {
        let release =
            sqlx::query("DELETE FROM tower_heroku_sso.lease WHERE work = $1 AND holder = $2")
                .bind(work.to_string())
                .bind(self.me);
        self.db.execute(release).await?;
        Ok(())
    }

    fn events(&self) -> Box<dyn StoreEvents> {
        Box::new(Listening::new(self.db.clone(), self.me, self.opened_at))
    }
}
