//! Migrations of the tables at the start.

use std::collections::BTreeMap;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor, PgConnection, Row};

use super::connect::not_connected;
use crate::deadlines::DATABASE_START;
use crate::migrations::migrator;
use crate::store_error::StoreError;

/// The advisory lock under which the schema is created.
const LOCK: i64 = 0x6865_726f_6b75_5353;

/// Runs in one transaction, for which a pooler also keeps its settings and its lock. The search path is our
/// schema alone: not the partner's tables, nor the table of the partner's own migrations. It waits for other
/// processes that start at the same time. A process that holds the lock for over half a minute has probably
/// lost its machine.
pub(super) async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
    let one = PgPoolOptions::new().max_connections(1);
    let one = one
        .acquire_timeout(DATABASE_START)
        .connect_with(options.clone())
        .await
        .map_err(|error| not_connected(error, DATABASE_START))?;
    let mut transaction = one.begin().await?;
    transaction
        .execute("SET LOCAL search_path TO tower_heroku_sso; SET LOCAL lock_timeout TO '30s'")
        .await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .persistent(false)
        .bind(LOCK)
        .execute(&mut *transaction)
        .await?;
    // Not `IF NOT EXISTS` alone: it requires the right to create schemas even if the schema exists.
    let exists = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = 'tower_heroku_sso'")
        .persistent(false)
        .fetch_optional(&mut *transaction)
        .await?;
    if exists.is_none() {
        transaction
            .execute("CREATE SCHEMA tower_heroku_sso")
            .await?;
    }
    run_missing(&mut transaction).await?;
    // A restored backup has sequence numbers from its time, and signed cookies have later ones: new
    // revocations must have sequence numbers later than all of them.
    transaction
        .execute(
            "SELECT setval('sequence', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
         FROM sequence WHERE last_value <
         (extract(epoch FROM clock_timestamp() - interval '1 second') * 1000000)::bigint",
        )
        .await?;
    transaction.commit().await?;
    one.close().await;
    Ok(())
}

/// Runs the missing migrations as sqlx does, with its table, but without named statements: a pooler mixes
/// those up between clients.
async fn run_missing(transaction: &mut PgConnection) -> Result<(), StoreError> {
    let known = [
        (1, "resources", include_str!("0001_resources.sql")),
        (2, "removals", include_str!("0002_removals.sql")),
        (3, "absences", include_str!("0003_absences.sql")),
        (4, "sessions", include_str!("0004_sessions.sql")),
    ];
    let exists = sqlx::query(
        "SELECT 1 FROM pg_tables
         WHERE schemaname = 'tower_heroku_sso' AND tablename = '_sqlx_migrations'",
    )
    .persistent(false)
    .fetch_optional(&mut *transaction)
    .await?;
    if exists.is_none() {
        transaction.execute("CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
             installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL,
             checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)").await?;
    }
    let rows = sqlx::query("SELECT version, checksum FROM _sqlx_migrations")
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await?;
    let mut applied = BTreeMap::new();
    for row in rows {
        let (version, checksum): (i64, Vec<u8>) =
            (row.try_get("version")?, row.try_get("checksum")?);
        applied.insert(version, checksum);
    }
    for migration in migrator(known).await?.iter() {
        let version = migration.version;
        match applied.get(&version) {
            Some(checksum) if checksum[..] == migration.checksum[..] => continue,
            Some(_) => {
                let wrong = format!("migration {version} differs from the one in the tables");
                return Err(StoreError::new(wrong));
            }
            None => {}
        }
        transaction.execute(&*migration.sql).await?;
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES ($1, $2, true, $3, 0)",
        )
        .persistent(false)
        .bind(version)
        .bind(&*migration.description)
        .bind(&*migration.checksum)
        .execute(&mut *transaction)
        .await?;
    }
    Ok(())
}
