//! What is recorded about people: revocations and pending removals; and their erasure.

use sqlx::{Postgres, Row, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use super::db::answer;
use super::{PostgresStore, events};
use crate::column::{in_json, list_without, members_without};
use crate::ids::ResourceId;
use crate::people::Email;
use crate::record::{PendingRemoval, Revocation};
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::store_error::StoreError;

pub(super) async fn revoke(
    store: &PostgresStore,
    id: &ResourceId,
    revocation: Revocation,
    forget_before: OffsetDateTime,
) -> Result<(), StoreError> {
    // A statement cannot delete and insert the same row, so the old row of this email is left to the insert.
    let change = sqlx::query(
        "WITH old AS (DELETE FROM tower_heroku_sso.revocation
         WHERE resource = $1 AND at < $5 AND email <> $2),
         changed AS (UPDATE tower_heroku_sso.resource
         SET changed_by = $6, changed_at = clock_timestamp()
         WHERE id = $1 AND state = 'active' RETURNING id),
         revoked AS (INSERT INTO tower_heroku_sso.revocation AS known
         (resource, email, sequence, at) SELECT id, $2, $3, $4 FROM changed
         ON CONFLICT (resource, email) DO UPDATE SET sequence = $3, at = $4
         WHERE known.sequence <= $3)
         SELECT pg_notify($7, $8)::text FROM changed",
    )
    .bind(id.as_uuid())
    .bind(revocation.email.as_str())
    .bind(revocation.sequence.number())
    .bind(revocation.at)
    .bind(forget_before)
    .bind(store.me)
    .bind(events::CHANNEL)
    .bind(events::resource(store.me, id));
    store.db.optional(change).await?;
    Ok(())
}

pub(super) async fn revoke_all(
    store: &PostgresStore,
    id: &ResourceId,
    sequence: Sequence,
) -> Result<(), StoreError> {
    let change = sqlx::query(
        "WITH changed AS (UPDATE tower_heroku_sso.resource
         SET sessions_since = greatest(sessions_since, $2),
         changed_by = $3, changed_at = clock_timestamp()
         WHERE id = $1 AND state = 'active' RETURNING id)
         SELECT pg_notify($4, $5)::text FROM changed",
    )
    .bind(id.as_uuid())
    .bind(sequence.number())
    .bind(store.me)
    .bind(events::CHANNEL)
    .bind(events::resource(store.me, id));
    store.db.optional(change).await?;
    Ok(())
}

pub(super) async fn note_pending_removal(
    store: &PostgresStore,
    id: &ResourceId,
    pending_removal: PendingRemoval,
) -> Result<(), StoreError> {
    let change = sqlx::query(
        "WITH changed AS (UPDATE tower_heroku_sso.resource
         SET changed_by = $4, changed_at = clock_timestamp()
         WHERE id = $1 AND state = 'active' RETURNING id),
         noted AS (INSERT INTO tower_heroku_sso.pending_removal AS known (resource, email, sequence)
         SELECT id, $2, $3 FROM changed ON CONFLICT (resource, email)
         DO UPDATE SET sequence = greatest(known.sequence, $3))
         SELECT pg_notify($5, $6)::text FROM changed",
    )
    .bind(id.as_uuid())
    .bind(pending_removal.email.as_str())
    .bind(pending_removal.sequence.number())
    .bind(store.me)
    .bind(events::CHANNEL)
    .bind(events::resource(store.me, id));
    store.db.optional(change).await?;
    Ok(())
}

/// The resources that know this person. Their rows are locked first, in the order of their ids, because every
/// other change locks the row of its resource first.
const CONCERNED: &str =
    "SELECT id FROM tower_heroku_sso.resource WHERE strpos(list, $2) > 0 OR id IN
    (SELECT resource FROM tower_heroku_sso.session WHERE email = $1
    UNION SELECT resource FROM tower_heroku_sso.revocation WHERE email = $1
    UNION SELECT resource FROM tower_heroku_sso.pending_removal WHERE email = $1)
    ORDER BY id FOR UPDATE";

/// Deletes the records of the person's sessions, and closes the sessions in all processes.
const SESSIONS: &str = "WITH ended AS (DELETE FROM tower_heroku_sso.session
    WHERE email = $1 AND resource = ANY($2) RETURNING key, ends_at),
    closed AS (INSERT INTO tower_heroku_sso.closed_session AS known (key, until, closed_by)
    SELECT key, ends_at, $3 FROM ended
    ON CONFLICT (key) DO UPDATE SET until = greatest(known.until, excluded.until))
    SELECT key, pg_notify($4, $3::text || ' session ' || key)::text FROM ended";

/// A revocation stays in force, for all sessions of the resource and without the email.
const REVOCATIONS: &str = "WITH gone AS (DELETE FROM tower_heroku_sso.revocation
    WHERE email = $1 AND resource = ANY($2) RETURNING resource, sequence),
    changed AS (UPDATE tower_heroku_sso.resource
    SET sessions_since = greatest(sessions_since, gone.sequence),
    changed_by = $3, changed_at = clock_timestamp()
    FROM gone WHERE id = gone.resource RETURNING id)
    SELECT pg_notify($4, $3::text || ' resource ' || id)::text FROM changed";

/// Erases a person, in one transaction. Data that is stored during the transaction may stay: it is left to
/// the next erasure.
pub(super) async fn erase(
    store: &PostgresStore,
    email: &Email,
) -> Result<Vec<SessionKey>, StoreError> {
    let statement = |sql: &'static str| store.db.statement(sql).bind(email.as_str());
    let in_json = in_json(email)?;
    let call = async {
        let mut transaction = store.db.pool.begin().await?;
        let concerned = statement(CONCERNED).bind(in_json);
        let concerned = concerned.fetch_all(&mut *transaction).await?;
        let concerned = concerned.iter().map(|row| row.try_get("id"));
        let concerned = concerned.collect::<Result<Vec<Uuid>, _>>()?;
        let mut keys = Vec::new();
        for sql in [SESSIONS, REVOCATIONS] {
            let erased = statement(sql).bind(concerned.clone());
            let erased = erased.bind(store.me).bind(events::CHANNEL);
            for row in erased.fetch_all(&mut *transaction).await? {
                if let Ok(key) = row.try_get::<&str, _>("key") {
                    keys.push(SessionKey::from_stored(key));
                }
            }
        }
        let pending = "DELETE FROM tower_heroku_sso.pending_removal
            WHERE email = $1 AND resource = ANY($2)";
        let pending = statement(pending).bind(concerned.clone());
        pending.execute(&mut *transaction).await?;
        Ok((transaction, keys, concerned))
    };
    let (mut transaction, keys, concerned) = answer(call).await?;
    erase_from_lists(store, &mut transaction, email, &concerned).await?;
    erase_from_teams(store, &mut transaction, email).await?;
    answer(transaction.commit()).await?;
    Ok(keys)
}

async fn erase_from_lists(
    store: &PostgresStore,
    transaction: &mut Transaction<'_, Postgres>,
    email: &Email,
    concerned: &[Uuid],
) -> Result<(), StoreError> {
    let lists = store
        .db
        .statement(
            "SELECT id, list AS text FROM tower_heroku_sso.resource
             WHERE id = ANY($1) AND strpos(list, $2) > 0",
        )
        .bind(concerned)
        .bind(in_json(email)?);
    for row in answer(lists.fetch_all(&mut **transaction)).await? {
        let (id, list): (Uuid, &str) = (row.try_get("id")?, row.try_get("text")?);
        let update = store
            .db
            .statement("UPDATE tower_heroku_sso.resource SET list = $2 WHERE id = $1")
            .bind(id)
            .bind(list_without(list, email)?);
        answer(update.execute(&mut **transaction)).await?;
    }
    Ok(())
}

async fn erase_from_teams(
    store: &PostgresStore,
    transaction: &mut Transaction<'_, Postgres>,
    email: &Email,
) -> Result<(), StoreError> {
    let teams = store
        .db
        .statement(
            "SELECT id, members AS text FROM tower_heroku_sso.team
             WHERE strpos(members, $1) > 0 ORDER BY id FOR UPDATE",
        )
        .bind(in_json(email)?);
    for row in answer(teams.fetch_all(&mut **transaction)).await? {
        let (id, members): (&str, &str) = (row.try_get("id")?, row.try_get("text")?);
        let update = store
            .db
            .statement("UPDATE tower_heroku_sso.team SET members = $2 WHERE id = $1")
            .bind(id)
            .bind(members_without(members, email)?);
        answer(update.execute(&mut **transaction)).await?;
    }
    Ok(())
}
