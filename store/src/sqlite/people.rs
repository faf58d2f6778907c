//! What is recorded about people: revocations and pending removals; and their erasure.

use sqlx::{Sqlite, SqliteConnection, Transaction};
use time::OffsetDateTime;

use super::SqliteStore;
use super::row::micros;
use crate::column::{in_json, list_without, members_without};
use crate::ids::ResourceId;
use crate::people::Email;
use crate::record::{PendingRemoval, Revocation};
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::store_error::StoreError;

pub(super) async fn revoke(
    store: &SqliteStore,
    id: &ResourceId,
    revocation: Revocation,
    forget_before: OffsetDateTime,
) -> Result<(), StoreError> {
    let mut transaction = store.pool.begin().await?;
    sqlx::query("DELETE FROM heroku_sso_revocation WHERE resource = ?1 AND at < ?2")
        .bind(id.to_string())
        .bind(micros(forget_before))
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO heroku_sso_revocation (resource, email, sequence, at)
         SELECT id, ?2, ?3, ?4 FROM heroku_sso_resource WHERE id = ?1 AND state = 'active'
         ON CONFLICT (resource, email) DO UPDATE SET sequence = ?3, at = ?4 WHERE sequence <= ?3",
    )
    .bind(id.to_string())
    .bind(revocation.email.as_str())
    .bind(revocation.sequence.number())
    .bind(micros(revocation.at))
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

pub(super) async fn revoke_all(
    store: &SqliteStore,
    id: &ResourceId,
    sequence: Sequence,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE heroku_sso_resource SET sessions_since = max(coalesce(sessions_since, 0), ?2)
         WHERE id = ?1 AND state = 'active'",
    )
    .bind(id.to_string())
    .bind(sequence.number())
    .execute(&store.pool)
    .await?;
    Ok(())
}

pub(super) async fn note_pending_removal(
    store: &SqliteStore,
    id: &ResourceId,
    pending_removal: PendingRemoval,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO heroku_sso_pending_removal (resource, email, sequence)
         SELECT id, ?2, ?3 FROM heroku_sso_resource WHERE id = ?1 AND state = 'active'
         ON CONFLICT (resource, email) DO UPDATE SET sequence = max(sequence, ?3)",
    )
    .bind(id.to_string())
    .bind(pending_removal.email.as_str())
    .bind(pending_removal.sequence.number())
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Erases a person, in one transaction.
pub(super) async fn erase(
    store: &SqliteStore,
    email: &Email,
) -> Result<Vec<SessionKey>, StoreError> {
    let mut transaction = store.pool.begin().await?;
    let ended: Vec<(String,)> = sqlx::query_as(
        "INSERT INTO heroku_sso_closed_session (key, until)
         SELECT key, ends_at FROM heroku_sso_session WHERE email = ?1
         ON CONFLICT (key) DO UPDATE SET until = max(until, excluded.until) RETURNING key",
    )
    .bind(email.as_str())
    .fetch_all(&mut *transaction)
    .await?;
    for of_person in [
        "DELETE FROM heroku_sso_session WHERE email = ?1",
        // A revocation stays in force, for all sessions of the resource and without the email.
        "UPDATE heroku_sso_resource SET sessions_since = max(coalesce(sessions_since, 0), r.sequence)
         FROM heroku_sso_revocation r WHERE r.resource = id AND r.email = ?1",
        "DELETE FROM heroku_sso_revocation WHERE email = ?1",
        "DELETE FROM heroku_sso_pending_removal WHERE email = ?1",
    ] {
        sqlx::query(of_person)
            .bind(email.as_str())
            .execute(&mut *transaction)
            .await?;
    }
    erase_from_lists(&mut transaction, email).await?;
    erase_from_teams(&mut transaction, email).await?;
    transaction.commit().await?;
    let ended = ended.into_iter();
    Ok(ended.map(|(key,)| SessionKey::from_stored(key)).collect())
}

async fn erase_from_lists(
    transaction: &mut Transaction<'_, Sqlite>,
    email: &Email,
) -> Result<(), StoreError> {
    let lists = "SELECT id, list FROM heroku_sso_resource WHERE instr(list, ?1) > 0";
    for (id, list) in texts(transaction, lists, email).await? {
        sqlx::query("UPDATE heroku_sso_resource SET list = ?2 WHERE id = ?1")
            .bind(id)
            .bind(list_without(&list, email)?)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

async fn erase_from_teams(
    transaction: &mut Transaction<'_, Sqlite>,
    email: &Email,
) -> Result<(), StoreError> {
    let teams = "SELECT id, members FROM heroku_sso_team WHERE instr(members, ?1) > 0";
    for (id, members) in texts(transaction, teams, email).await? {
        sqlx::query("UPDATE heroku_sso_team SET members = ?2 WHERE id = ?1")
            .bind(id)
            .bind(members_without(&members, email)?)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

/// The stored texts that contain the email, with the id of each.
async fn texts(
    connection: &mut SqliteConnection,
    query: &'static str,
    email: &Email,
) -> Result<Vec<(String, String)>, StoreError> {
    let found = sqlx::query_as(query).bind(in_json(email)?);
    Ok(found.fetch_all(connection).await?)
}
