//! SSO forms that were used.

use time::OffsetDateTime;

use super::db::Db;
use crate::replay_key::ReplayKey;
use crate::store_error::StoreError;

/// True for exactly one caller.
pub(super) async fn consume(
    db: &Db,
    key: &ReplayKey,
    until: OffsetDateTime,
) -> Result<bool, StoreError> {
    let insert = sqlx::query(
        "INSERT INTO tower_heroku_sso.used_sign_in (key, until) VALUES ($1, $2)
         ON CONFLICT (key) DO NOTHING",
    )
    .bind(key.to_string())
    .bind(until);
    Ok(db.execute(insert).await?.rows_affected() == 1)
}

pub(super) async fn is_consumed(db: &Db, key: &ReplayKey) -> Result<bool, StoreError> {
    let used = sqlx::query("SELECT 1 FROM tower_heroku_sso.used_sign_in WHERE key = $1")
        .bind(key.to_string());
    Ok(db.optional(used).await?.is_some())
}
