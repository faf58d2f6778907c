//! SSO requests that were used.

use sqlx::PgPool;
use time::OffsetDateTime;

use super::answer;
use crate::sso::ReplayKey;
use crate::store::StoreError;

/// True for exactly one caller.
pub(super) async fn consume(
    pool: &PgPool,
    key: &ReplayKey,
    until: OffsetDateTime,
) -> Result<bool, StoreError> {
    let insert = sqlx::query(
        "INSERT INTO tower_heroku_sso.used_sign_in (key, until) VALUES ($1, $2)
         ON CONFLICT (key) DO NOTHING",
    )
    .bind(key.to_string())
    .bind(until);
    Ok(answer(insert.execute(pool)).await?.rows_affected() == 1)
}

pub(super) async fn is_consumed(pool: &PgPool, key: &ReplayKey) -> Result<bool, StoreError> {
    let used = sqlx::query("SELECT 1 FROM tower_heroku_sso.used_sign_in WHERE key = $1")
        .bind(key.to_string());
    Ok(answer(used.fetch_optional(pool)).await?.is_some())
}
