//! Opening the store: connections, tables, keys.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::Uuid;

use super::db::Db;
use super::migrate::migrate;
use super::{PostgresOptions, PostgresStore};
use crate::clock;
use crate::deadlines::{DATABASE_CONNECTION, DATABASE_MIGRATION};
use crate::encryption::{EncryptionKeys, check_keys};
use crate::store_error::StoreError;

/// The server cancels a statement that takes longer.
const STATEMENT_TIMEOUT: &str = "10s";

impl PostgresStore {
    /// Connects to the database at this address (`postgres://…`) and migrates the tables in the schema
    /// `tower_heroku_sso`, which is created if it is missing. Any number of processes may do this
    /// concurrently.
    ///
    /// Takes up to 5 connections, one of which waits for events. The connection must be encrypted (TLS)
    /// unless it stays on this machine: an address without `sslmode` means `require`. Better is `verify-full`
    /// with `sslrootcert`, which also checks who the server is. It must be a direct connection, or use a
    /// pooler in session mode. [`connect_with`](Self::connect_with) has settings for other cases.
    ///
    /// # Errors
    /// - The database cannot be reached or used.
    /// - A value in the database is encrypted with a key that is not among `keys`.
    /// - `sslmode` permits a connection to another machine without TLS.
    /// - A pooler in between assigns each transaction another connection.
    pub async fn connect(url: &str, keys: EncryptionKeys) -> Result<Self, StoreError> {
        Self::connect_with(PostgresOptions::default(), url, keys).await
    }

    /// As [`connect`](Self::connect), with at most this many connections; fewer than 2 count as 2.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with_at_most(
        connections: u32,
        url: &str,
        keys: EncryptionKeys,
    ) -> Result<Self, StoreError> {
        let settings = PostgresOptions::default().connections(connections);
        Self::connect_with(settings, url, keys).await
    }

    /// As [`connect`](Self::connect), with other settings.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with(
        settings: PostgresOptions,
        url: &str,
        keys: EncryptionKeys,
    ) -> Result<Self, StoreError> {
        let options = settings.secured(url, parse(url)?)?;
        let options = options.application_name("tower-heroku-sso");
        let options = match settings.transaction_pooler {
            // The pooler would refuse this startup option.
            true => options.extra_float_digits(None),
            false => options,
        };
        let migrated = clock::within(DATABASE_MIGRATION, migrate(&options)).await;
        let too_slow = || {
            Err(StoreError::new(
                "the tables could not be migrated in time: is another process migrating them?",
            ))
        };
        migrated.unwrap_or_else(too_slow)?;
        let session = match settings.transaction_pooler {
            true => options,
            false => options.options([("statement_timeout", STATEMENT_TIMEOUT)]),
        };
        let pool = PgPoolOptions::new()
            .max_connections(settings.connections)
            .acquire_timeout(DATABASE_CONNECTION)
            .connect_with(session)
            .await
            .map_err(|error| not_connected(error, DATABASE_CONNECTION))?;
        let db = Db {
            pool,
            has_transaction_pooler: settings.transaction_pooler,
        };
        let row = db
            .one(sqlx::query(
                "SELECT gen_random_uuid() AS me, clock_timestamp() AS now,
                 current_setting('statement_timeout') AS statement_timeout",
            ))
            .await?;
        let timeout: &str = row.try_get("statement_timeout")?;
        if !db.has_transaction_pooler && timeout != STATEMENT_TIMEOUT {
            // The startup option was sent, but a pooler in between did not pass it on.
            return Err(StoreError::new(NEEDS_POOLER_SETTING));
        }
        let encrypted = sqlx::query(
            "SELECT DISTINCT substr(tokens, 1, 9) AS start FROM tower_heroku_sso.resource
             WHERE tokens IS NOT NULL
             UNION SELECT DISTINCT substr(grant_code, 1, 9) FROM tower_heroku_sso.resource
             WHERE grant_code IS NOT NULL",
        );
        let encrypted = db.all(encrypted).await?;
        let beginnings: Result<Vec<&[u8]>, _> =
            encrypted.iter().map(|row| row.try_get("start")).collect();
        check_keys(&keys, beginnings?.into_iter())?;
        let ids = CloneIds::counted_from(row.try_get("me")?);
        Ok(Self {
            me: ids.next(),
            ids: Arc::new(ids),
            opened_at: row.try_get("now")?,
            db,
            keys,
            sweep: Arc::default(),
        })
    }
}

impl Clone for PostgresStore {
    /// The clone has an id of its own, so that it and the original notify each other.
    fn clone(&self) -> Self {
        Self {
            db: self.db.clone(),
            keys: self.keys.clone(),
            me: self.ids.next(),
            ids: Arc::clone(&self.ids),
            opened_at: self.opened_at,
            sweep: Arc::clone(&self.sweep),
        }
    }
}

/// The ids of a store and of all its clones, clones of clones included.
#[derive(Debug)]
pub(super) struct CloneIds {
    /// A random id, from which they are counted.
    first: Uuid,
    issued: AtomicU64,
}

impl CloneIds {
    fn counted_from(first: Uuid) -> Self {
        Self {
            first,
            issued: AtomicU64::default(),
        }
    }

    /// An id that no other clone has.
    fn next(&self) -> Uuid {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        Uuid::from_u128(self.first.as_u128().wrapping_add(number.into()))
    }
}

const NEEDS_POOLER_SETTING: &str = "the database is behind a pooler that does not keep a connection's \
                                    settings, such as PgBouncer in transaction mode: use \
                                    PostgresOptions::transaction_pooler, or give the address of the database itself";

/// The error of a pool that could not connect within `limit`. Recognizes that of a pooler in transaction mode
/// for a startup option that it cannot support.
pub(super) fn not_connected(error: sqlx::Error, limit: Duration) -> StoreError {
    let said = error.as_database_error().map(|error| error.message());
    match said {
        Some(said) if said.contains("unsupported startup parameter") => {
            StoreError::new(NEEDS_POOLER_SETTING)
        }
        _ => not_reached(error, limit),
    }
}

/// Drops the parser's error: it could quote the address, and with it the password. The parser accepts any
/// scheme.
fn parse(url: &str) -> Result<PgConnectOptions, StoreError> {
    let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let options = PgConnectOptions::from_str(url).ok().filter(|_| is_postgres);
    options.ok_or_else(|| StoreError::new("the address is not a `postgres://` one"))
}

/// A pool does not report why it could not connect.
fn not_reached(error: sqlx::Error, limit: Duration) -> StoreError {
    match error {
        sqlx::Error::PoolTimedOut => StoreError::new(format!(
            "no connection to the database within {} s: is it up, and is the address right?",
            limit.as_secs()
        )),
        error => error.into(),
    }
}
