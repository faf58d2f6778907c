//! Where the example keeps its state, by `DATABASE_URL`.

use std::env;
use std::error::Error;
use std::time::Duration;

use tower_heroku_sso::store::{PostgresStore, SealingKeys, SqliteStore};
use tower_heroku_sso::{HerokuSso, HerokuSsoBuilder, SetupError, SweepHandle};
use tower_sessions_sqlx_store as sessions;
use tower_sessions_sqlx_store::sqlx::SqlitePool;
use tower_sessions_sqlx_store::sqlx::postgres::PgPoolOptions;

const SWEEP_EVERY: Duration = Duration::from_secs(10 * 60);

/// How long a request waits for the database when it is away.
const PATIENCE: Duration = Duration::from_secs(3);

/// What there is to sweep as long as the example runs.
pub(crate) enum Storage {
    Memory,
    Sqlite(sessions::SqliteStore),
    Postgres(sessions::PostgresStore),
}

/// Has resources and sessions kept where `DATABASE_URL` says: in memory, if it says nothing.
pub(crate) async fn keep(
    builder: HerokuSsoBuilder,
) -> Result<(HerokuSsoBuilder, Storage), Box<dyn Error>> {
    let url = env::var("DATABASE_URL").unwrap_or_default();
    if url.is_empty() {
        return Ok((builder, Storage::Memory));
    }
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let store = SqliteStore::open(path, SealingKeys::from_env()?).await;
        let store = store.map_err(explain)?;
        let pool = SqlitePool::connect(&format!("sqlite:{path}")).await?;
        let sessions = sessions::SqliteStore::new(pool);
        sessions.migrate().await?;
        let builder = builder.store(store).session_store(sessions.clone());
        return Ok((builder, Storage::Sqlite(sessions)));
    }
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        let store = PostgresStore::connect(&url, SealingKeys::from_env()?).await;
        let store = store.map_err(explain)?;
        let pool = PgPoolOptions::new().acquire_timeout(PATIENCE);
        let pool = pool.connect(&url).await?;
        let sessions = sessions::PostgresStore::new(pool);
        sessions.migrate().await?;
        let builder = builder.store(store).session_store(sessions.clone());
        return Ok((builder, Storage::Postgres(sessions)));
    }
    Err(Box::new(SetupError::InvalidVariable {
        variable: "DATABASE_URL",
        reason: "expected sqlite:FILE or postgres://…".into(),
    }))
}

impl Storage {
    pub(crate) fn sweep(&self, sso: &HerokuSso) -> Option<SweepHandle> {
        match self {
            Self::Memory => None,
            Self::Sqlite(store) => Some(sso.spawn_session_sweep(store.clone(), SWEEP_EVERY)),
            Self::Postgres(store) => Some(sso.spawn_session_sweep(store.clone(), SWEEP_EVERY)),
        }
    }
}

/// With what is behind it: a key that is missing, a server that is not there.
fn explain(error: impl Error) -> String {
    let mut said = format!("DATABASE_URL cannot be used: {error}");
    let mut next = error.source();
    while let Some(cause) = next {
        said = format!("{said}: {cause}");
        next = cause.source();
    }
    said
}
