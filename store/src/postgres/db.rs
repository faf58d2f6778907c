//! How the store accesses its database: directly, or through a pooler that gives each transaction any free
//! connection.

use sqlx::postgres::{PgArguments, PgQueryResult, PgRow};
use sqlx::query::Query;
use sqlx::{PgPool, Postgres};

use crate::clock;
use crate::deadlines::DATABASE_CALL;
use crate::store_error::StoreError;

/// A statement with its arguments.
pub(super) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// The connections, and which features they support.
#[derive(Clone, Debug)]
pub(super) struct Db {
    pub(super) pool: PgPool,
    /// Behind a pooler in transaction mode nothing outlives a transaction: no statement, no setting, no lock, no `LISTEN`.
    pub(super) has_transaction_pooler: bool,
}

/// Waits for the database, up to a deadline.
pub(super) async fn answer<T>(
    call: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match clock::within(DATABASE_CALL, call).await {
        Some(result) => Ok(result?),
        None => Err(StoreError::new("the database did not answer in time")),
    }
}

impl Db {
    /// A statement for a transaction that the caller has begun. Behind a pooler it has no name, because a
    /// named one would outlive the transaction.
    pub(super) fn statement<'q>(&self, sql: &'q str) -> Statement<'q> {
        sqlx::query(sql).persistent(!self.has_transaction_pooler)
    }

    /// Runs a statement in a transaction of its own; so do the methods below.
    pub(super) async fn execute(
        &self,
        statement: Statement<'_>,
    ) -> Result<PgQueryResult, StoreError> {
        if !self.has_transaction_pooler {
            return answer(statement.execute(&self.pool)).await;
        }
        answer(async {
            let mut transaction = self.pool.begin().await?;
            let statement = statement.persistent(false);
            let done = statement.execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(done)
        })
        .await
    }

    pub(super) async fn all(&self, statement: Statement<'_>) -> Result<Vec<PgRow>, StoreError> {
        if !self.has_transaction_pooler {
            return answer(statement.fetch_all(&self.pool)).await;
        }
        answer(async {
            let mut transaction = self.pool.begin().await?;
            let statement = statement.persistent(false);
            let rows = statement.fetch_all(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(rows)
        })
        .await
    }

    pub(super) async fn optional(
        &self,
        statement: Statement<'_>,
    ) -> Result<Option<PgRow>, StoreError> {
        Ok(self.all(statement).await?.into_iter().next())
    }

    pub(super) async fn one(&self, statement: Statement<'_>) -> Result<PgRow, StoreError> {
        let row = self.optional(statement).await?;
        row.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }
}
