//! The stores of an example, by `DATABASE_URL`: in memory without it, in SQLite or Postgres if the example
//! was built with that feature.

use std::env;
use std::error::Error;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use std::time::Duration;

use tower_heroku_sso::{HerokuSso, HerokuSsoBuilder, SetupError, SweepHandle};

#[cfg(feature = "postgres")]
use tower_sessions_sqlx_store::PostgresStore as PostgresSessions;
#[cfg(feature = "sqlite")]
use tower_sessions_sqlx_store::SqliteStore as SqliteSessions;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
const SWEEP_EVERY: Duration = Duration::from_secs(10 * 60);

/// How long a request waits for an unavailable database.
#[cfg(feature = "postgres")]
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// The session store to sweep while the example runs.
pub enum Storage {
    Memory,
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteSessions),
    #[cfg(feature = "postgres")]
    Postgres(PostgresSessions),
}

/// Configures the stores for resources and sessions that `DATABASE_URL` names.
pub async fn keep(
    builder: HerokuSsoBuilder,
) -> Result<(HerokuSsoBuilder, Storage), Box<dyn Error>> {
    let url = env::var("DATABASE_URL").unwrap_or_default();
    if url.is_empty() {
        return Ok((builder, Storage::Memory));
    }
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return keep_in_sqlite(builder, path).await;
    }
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return keep_in_postgres(builder, &url).await;
    }
    Err(Box::new(SetupError::InvalidVariable {
        variable: "DATABASE_URL",
        reason: "expected sqlite:FILE or postgres://…".into(),
    }))
}

#[cfg(feature = "sqlite")]
async fn keep_in_sqlite(
    builder: HerokuSsoBuilder,
    path: &str,
) -> Result<(HerokuSsoBuilder, Storage), Box<dyn Error>> {
    use tower_heroku_sso::store::{EncryptionKeys, SqliteStore};
    use tower_sessions_sqlx_store::sqlx::SqlitePool;

    let store = SqliteStore::open(path, EncryptionKeys::from_env()?).await;
    let store = store.map_err(explain)?;
    let pool = SqlitePool::connect(&format!("sqlite:{path}")).await?;
    let sessions = SqliteSessions::new(pool);
    sessions.migrate().await?;
    let builder = builder.store(store).session_store(sessions.clone());
    Ok((builder, Storage::Sqlite(sessions)))
}

#[cfg(not(feature = "sqlite"))]
async fn keep_in_sqlite(
    _: HerokuSsoBuilder,
    _: &str,
) -> Result<(HerokuSsoBuilder, Storage), Box<dyn Error>> {
    Err("DATABASE_URL cannot be used: this program was built without --features sqlite".into())
}

#[cfg(feature = "postgres")]
async fn keep_in_postgres(
    builder: HerokuSsoBuilder,
    url: &str,
) -> Result<(HerokuSsoBuilder, Storage), Box<dyn Error>> {
    use tower_heroku_sso::store::{EncryptionKeys, PostgresStore};
    use tower_sessions_sqlx_store::sqlx::postgres::PgPoolOptions;

    let store = PostgresStore::connect(url, EncryptionKeys::from_env()?).await;
    let store = store.map_err(explain)?;
    let pool = PgPoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT);
    let pool = pool.connect(url).await?;
    let sessions = PostgresSessions::new(pool);
    sessions.migrate().await?;
    let builder = builder.store(store).session_store(sessions.clone());
    Ok((builder, Storage::Postgres(sessions)))
}

#[cfg(not(feature = "postgres"))]
async fn keep_in_postgres(
    _: HerokuSsoBuilder,
    _: &str,
) -> Result<(HerokuSsoBuilder, Storage), Box<dyn Error>> {
    Err("DATABASE_URL cannot be used: this program was built without --features postgres".into())
}

impl Storage {
    #[cfg_attr(
        not(any(feature = "postgres", feature = "sqlite")),
        allow(unused_variables, reason = "the memory store sweeps itself")
    )]
    pub fn sweep(&self, sso: &HerokuSso) -> Option<SweepHandle> {
        match self {
            Self::Memory => None,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => Some(sso.sessions().spawn_sweep(store.clone(), SWEEP_EVERY)),
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => Some(sso.sessions().spawn_sweep(store.clone(), SWEEP_EVERY)),
        }
    }
}

/// The error with its causes, such as a missing key or an unreachable server.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
fn explain(error: impl Error) -> String {
    let mut said = format!("DATABASE_URL cannot be used: {error}");
    let mut next = error.source();
    while let Some(cause) = next {
        said = format!("{said}: {cause}");
        next = cause.source();
    }
    said
}
