//! A resource stops being active: its list, its sessions, its revocations and its pending removals are
//! deleted with it.

use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use crate::ids::ResourceId;
use crate::store_error::StoreError;

pub(super) const CLOSE: &str = "UPDATE heroku_sso_resource
    SET state = 'closing', list = NULL, list_sequence = NULL, list_asked_at = NULL, team_id = NULL
    WHERE id = ?1 AND state = 'active'";

macro_rules! end {
    ($owed:literal, $which:literal) => {
        concat!(
            "UPDATE heroku_sso_resource
             SET deprovision_owed = ",
            $owed,
            ", state = 'gone', legacy_id = NULL, tokens = NULL, token_ends_at = NULL,
             grant_code = NULL, webhook = NULL, revision = revision + 1,
             list = NULL, list_sequence = NULL, list_asked_at = NULL, team_id = NULL
             WHERE id = ?1 AND ",
            $which
        )
    };
}
pub(super) const END: &str = end!("state = 'active'", "state <> 'gone'");
pub(super) const END_OWING_NOTHING: &str = end!("0", "(state <> 'gone' OR deprovision_owed)");

/// Ends the active state of a resource. False if there was nothing to change.
pub(super) async fn deactivate(
    store: &SqliteStore,
    id: &ResourceId,
    sql: &'static str,
) -> Result<bool, StoreError> {
    let mut transaction = store.pool.begin().await?;
    let deactivated = deactivate_in(&mut transaction, id, sql).await?;
    transaction.commit().await?;
    Ok(deactivated)
}

pub(super) async fn deactivate_in(
    transaction: &mut Transaction<'_, Sqlite>,
    id: &ResourceId,
    sql: &'static str,
) -> Result<bool, StoreError> {
    let done = sqlx::query(sql)
        .bind(id.to_string())
        .execute(&mut **transaction)
        .await?;
    for about in [
        "DELETE FROM heroku_sso_revocation WHERE resource = ?1",
        "DELETE FROM heroku_sso_pending_removal WHERE resource = ?1",
        "DELETE FROM heroku_sso_absence WHERE resource = ?1",
        "DELETE FROM heroku_sso_session WHERE resource = ?1",
    ] {
        sqlx::query(about)
            .bind(id.to_string())
            .execute(&mut **transaction)
            .await?;
    }
    Ok(done.rows_affected() > 0)
}
