//! A resource stops being active: its list, its sessions, its revocations and its pending removals are
//! deleted with it.

use sqlx::{Postgres, Transaction};

use super::db::answer;
use super::{PostgresStore, events};
use crate::ids::ResourceId;
use crate::store_error::StoreError;

pub(super) const CLOSE: &str = "UPDATE tower_heroku_sso.resource
    SET state = 'closing', list = NULL, list_sequence = NULL, list_asked_at = NULL,
    list_asked = NULL, team_id = NULL, changed_by = $2, changed_at = clock_timestamp()
    WHERE id = $1 AND state = 'active'";

macro_rules! end {
    ($owed:literal, $which:literal) => {
        concat!(
            "UPDATE tower_heroku_sso.resource
             SET deprovision_owed = ",
            $owed,
            ", state = 'gone', legacy_id = NULL, tokens = NULL, token_ends_at = NULL,
             grant_code = NULL, webhook = NULL, revision = revision + 1,
             list = NULL, list_sequence = NULL, list_asked_at = NULL, list_asked = NULL,
             team_id = NULL, changed_by = $2, changed_at = clock_timestamp()
             WHERE id = $1 AND ",
            $which
        )
    };
}
pub(super) const END: &str = end!("(state = 'active')", "state <> 'gone'");
pub(super) const END_OWING_NOTHING: &str = end!("false", "(state <> 'gone' OR deprovision_owed)");

/// Ends the active state of a resource. False if there was nothing to change.
pub(super) async fn deactivate(
    store: &PostgresStore,
    id: &ResourceId,
    change: &'static str,
) -> Result<bool, StoreError> {
    let call = async {
        let mut transaction = store.db.pool.begin().await?;
        let deactivated = deactivate_in(store, &mut transaction, id, change).await?;
        transaction.commit().await?;
        Ok(deactivated)
    };
    answer(call).await
}

pub(super) async fn deactivate_in(
    store: &PostgresStore,
    transaction: &mut Transaction<'_, Postgres>,
    id: &ResourceId,
    change: &'static str,
) -> Result<bool, sqlx::Error> {
    let done = store
        .db
        .statement(change)
        .bind(id.as_uuid())
        .bind(store.me)
        .execute(&mut **transaction)
        .await?;
    let deactivated = done.rows_affected() > 0;
    if deactivated {
        for about in [
            "DELETE FROM tower_heroku_sso.revocation WHERE resource = $1",
            "DELETE FROM tower_heroku_sso.pending_removal WHERE resource = $1",
            "DELETE FROM tower_heroku_sso.absence WHERE resource = $1",
            "DELETE FROM tower_heroku_sso.session WHERE resource = $1",
        ] {
            store
                .db
                .statement(about)
                .bind(id.as_uuid())
                .execute(&mut **transaction)
                .await?;
        }
        store
            .db
            .statement("SELECT pg_notify($1, $2)")
            .bind(events::CHANNEL)
            .bind(events::resource(store.me, id))
            .execute(&mut **transaction)
            .await?;
    }
    Ok(deactivated)
}
