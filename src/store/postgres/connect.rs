//! Opening the store: connections, tables, keys.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::PostgresStore;
use crate::store::StoreError;
use crate::store::migrations::migrator;
use crate::store::seal::{SealingKeys, check_keys};

/// Connections at most, by default. Requests need none: they are checked against memory.
const CONNECTIONS: u32 = 5;
/// One waits for notices.
const FEWEST: u32 = 2;
/// How long a sign-in waits for a connection when the database is away.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a start waits for the database.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// And how long for others that start at once. One that takes longer has lost its machine.
const LOCK_PATIENCE: &str = "30s";
/// For the lock under which the schema is made.
const LOCK: i64 = 0x6865_726f_6b75_5353;

impl PostgresStore {
    /// Connects to the database at this address (`postgres://…`) and brings the tables up to date, in
    /// the schema `tower_heroku_sso`, which is made if it is missing. Any number of processes may do
    /// this at once.
    ///
    /// Takes up to 5 connections, one of which waits for notices;
    /// [`connect_with_at_most`](Self::connect_with_at_most) takes fewer or more. Whether the connection
    /// is encrypted is the address's to say: `?sslmode=require`, or `verify-full` with `sslrootcert`.
    ///
    /// The connection must be a direct one, or through a pooler in session mode: `LISTEN` and
    /// advisory locks belong to a session.
    ///
    /// # Errors
    /// If the database cannot be reached or used, or holds what none of the keys opens.
    pub async fn connect(url: &str, keys: SealingKeys) -> Result<Self, StoreError> {
        let options = parse(url)?;
        Self::open(options, keys, CONNECTIONS).await
    }

    /// As [`connect`](Self::connect), with this many connections at most; at least 2.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with_at_most(
        connections: u32,
        url: &str,
        keys: SealingKeys,
    ) -> Result<Self, StoreError> {
        let options = parse(url)?;
        Self::open(options, keys, connections.max(FEWEST)).await
    }

    async fn open(
        options: PgConnectOptions,
        keys: SealingKeys,
        connections: u32,
    ) -> Result<Self, StoreError> {
        let options = options.application_name("tower-heroku-sso");
        migrate(&options).await?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE)
            .connect_with(options.options([("statement_timeout", "10s")]))
            .await?;
        let row = sqlx::query("SELECT gen_random_uuid() AS me, clock_timestamp() AS now")
            .fetch_one(&pool)
            .await?;
        let sealed = sqlx::query(
            "SELECT DISTINCT substr(tokens, 1, 9) AS start FROM tower_heroku_sso.resource
             WHERE tokens IS NOT NULL
             UNION SELECT DISTINCT substr(grant_code, 1, 9) FROM tower_heroku_sso.resource
             WHERE grant_code IS NOT NULL",
        )
        .fetch_all(&pool)
        .await?;
        let beginnings: Result<Vec<&[u8]>, _> =
            sealed.iter().map(|row| row.try_get("start")).collect();
        check_keys(&keys, beginnings?.into_iter())?;
        Ok(Self {
            me: row.try_get("me")?,
            opened_at: row.try_get("now")?,
            pool,
            keys,
            sweep: Arc::default(),
        })
    }
}

/// The error could quote the address, and with it the password. The parser takes any scheme.
fn parse(url: &str) -> Result<PgConnectOptions, StoreError> {
    let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let options = PgConnectOptions::from_str(url).ok().filter(|_| is_postgres);
    options.ok_or_else(|| StoreError::new("the address is not a `postgres://` one"))
}

/// A pool does not say what kept it from connecting.
fn not_reached(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolTimedOut => StoreError::new(format!(
            "no connection to the database within {} s: is it up, and is the address right?",
            START_PATIENCE.as_secs()
        )),
        error => error.into(),
    }
}

/// On a connection of its own, whose search path leads to our schema and not to the partner's tables,
/// nor to the table of the partner's own migrations.
async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
    let options = options.clone().options([
        ("search_path", "tower_heroku_sso"),
        ("lock_timeout", LOCK_PATIENCE),
    ]);
    let one = PgPoolOptions::new().max_connections(1);
    let one = one
        .acquire_timeout(START_PATIENCE)
        .connect_with(options)
        .await
        .map_err(not_reached)?;
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&one)
        .await?;
    // Not `IF NOT EXISTS` alone: that wants the right to make schemas, also where there is one.
    let exists = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = 'tower_heroku_sso'")
        .fetch_optional(&one)
        .await?;
    if exists.is_none() {
        sqlx::query("CREATE SCHEMA tower_heroku_sso")
            .execute(&one)
            .await?;
    }
    let migrations = [
        (1, "resources", include_str!("0001_resources.sql")),
        (2, "doubts", include_str!("0002_doubts.sql")),
    ];
    migrator(migrations).await?.run(&one).await?;
    // A backup that was put back has tickets from then, and signed cookies have those from since: what
    // is revoked from now on must be later than all of them.
    sqlx::query(
        "SELECT setval('ticket', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
         FROM ticket WHERE last_value <
         (extract(epoch FROM clock_timestamp() - interval '1 second') * 1000000)::bigint",
    )
    .execute(&one)
    .await?;
    // The lock ends with the connection.
    one.close().await;
    Ok(())
}
