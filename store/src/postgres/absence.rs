//! Answers that a resource does not exist, and deprovisioning because of them.
//!
//! Each change locks the resource's row first, as lists and grants do. This serializes an answer with
//! whatever contradicts it.

use sqlx::{Postgres, Row, Transaction};
use time::OffsetDateTime;

use super::db::answer;
use super::deactivate::{END, deactivate_in};
use super::{PostgresStore, events, row};
use crate::absence::{Absence, AbsenceSign, Brake, Dormancy};
use crate::ids::ResourceId;
use crate::sequence::Sequence;
use crate::store_error::StoreError;

/// The advisory lock that is held while dormant resources are counted.
const COUNTING: i64 = 0x6865_726f_6b75_4452;

const ABSENCE: &str = "SELECT kind AS absence_kind, answers, first_at, last_at,
    sequence AS absence_sequence, dormant_at
    FROM tower_heroku_sso.absence WHERE resource = $1";

/// False if the resource is not active, or has a list with that sequence number or a later one.
async fn lock(
    store: &PostgresStore,
    transaction: &mut Transaction<'_, Postgres>,
    id: &ResourceId,
    sequence: Sequence,
) -> Result<bool, sqlx::Error> {
    let row = store
        .db
        .statement(
            "SELECT 1 FROM tower_heroku_sso.resource
         WHERE id = $1 AND state = 'active' AND coalesce(list_sequence, 0) < $2 FOR UPDATE",
        )
        .bind(id.as_uuid())
        .bind(sequence.number());
    Ok(row.fetch_optional(&mut **transaction).await?.is_some())
}

pub(super) async fn note(
    store: &PostgresStore,
    id: &ResourceId,
    sign: AbsenceSign,
) -> Result<Option<Absence>, StoreError> {
    let call = async {
        let mut transaction = store.db.pool.begin().await?;
        if !lock(store, &mut transaction, id, sign.sequence).await? {
            return Ok(None);
        }
        // Needed because a release that does not know of absences writes lists, too.
        store
            .db
            .statement(
                "DELETE FROM tower_heroku_sso.absence WHERE resource = $1 AND sequence <=
             (SELECT coalesce(list_sequence, 0) FROM tower_heroku_sso.resource WHERE id = $1)",
            )
            .bind(id.as_uuid())
            .execute(&mut *transaction)
            .await?;
        let known = store
            .db
            .statement(ABSENCE)
            .bind(id.as_uuid())
            .fetch_optional(&mut *transaction)
            .await?;
        let known = known.map_or(Ok(None), |row| row::absence(&row))?;
        let absence = known.map_or_else(|| Absence::new(sign), |known| known.and(sign));
        store
            .db
            .statement(
                "INSERT INTO tower_heroku_sso.absence
             (resource, kind, answers, first_at, last_at, sequence) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (resource) DO UPDATE SET kind = $2, answers = $3, first_at = $4,
             last_at = $5, sequence = $6",
            )
            .bind(id.as_uuid())
            .bind(absence.kind.as_column())
            .bind(i64::from(absence.answers))
            .bind(absence.first_at)
            .bind(absence.last_at)
            .bind(absence.sequence.number())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Some(absence))
    };
    answer(call).await
}

pub(super) async fn make_dormant(
    store: &PostgresStore,
    id: &ResourceId,
    sequence: Sequence,
    at: OffsetDateTime,
    brake: &Brake,
) -> Result<Dormancy, StoreError> {
    let call = async {
        let mut transaction = store.db.pool.begin().await?;
        store
            .db
            .statement("SELECT pg_advisory_xact_lock($1)")
            .bind(COUNTING)
            .execute(&mut *transaction)
            .await?;
        if !lock(store, &mut transaction, id, sequence).await? {
            return Ok(Dormancy::Outdated);
        }
        let wanted = store
            .db
            .statement(
                "UPDATE tower_heroku_sso.absence SET wanted_at = $3
             WHERE resource = $1 AND sequence = $2 AND dormant_at IS NULL",
            )
            .bind(id.as_uuid())
            .bind(sequence.number())
            .bind(at)
            .execute(&mut *transaction)
            .await?;
        if wanted.rows_affected() == 0 {
            return Ok(Dormancy::Outdated);
        }
        let counted = store
            .db
            .statement(
                "SELECT (SELECT count(*) FROM tower_heroku_sso.absence WHERE wanted_at > $1)
             AS becoming,
             (SELECT count(*) FROM tower_heroku_sso.resource WHERE state = 'active')
             AS resources",
            )
            .bind(at - brake.within)
            .fetch_one(&mut *transaction)
            .await?;
        let becoming = counted.try_get::<i64, _>("becoming")?.unsigned_abs();
        let resources: i64 = counted.try_get("resources")?;
        let allowed = brake.allows(becoming, resources.unsigned_abs());
        if allowed {
            store
                .db
                .statement(
                    "WITH dormant AS (UPDATE tower_heroku_sso.absence SET dormant_at = $2
                 WHERE resource = $1),
                 changed AS (UPDATE tower_heroku_sso.resource
                 SET changed_by = $3, changed_at = clock_timestamp() WHERE id = $1)
                 SELECT pg_notify($4, $5)::text",
                )
                .bind(id.as_uuid())
                .bind(at)
                .bind(store.me)
                .bind(events::CHANNEL)
                .bind(events::resource(store.me, id))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(match allowed {
            true => Dormancy::Begun,
            false => Dormancy::Braked { becoming },
        })
    };
    answer(call).await
}

pub(super) async fn end(
    store: &PostgresStore,
    id: &ResourceId,
    sequence: Sequence,
) -> Result<bool, StoreError> {
    let call = async {
        let mut transaction = store.db.pool.begin().await?;
        if !lock(store, &mut transaction, id, sequence).await? {
            return Ok(false);
        }
        let is_latest = store
            .db
            .statement(
                "SELECT 1 FROM tower_heroku_sso.absence
             WHERE resource = $1 AND sequence = $2 AND dormant_at IS NOT NULL",
            )
            .bind(id.as_uuid())
            .bind(sequence.number())
            .fetch_optional(&mut *transaction)
            .await?;
        if is_latest.is_none() {
            return Ok(false);
        }
        let deactivated = deactivate_in(store, &mut transaction, id, END).await?;
        transaction.commit().await?;
        Ok(deactivated)
    };
    answer(call).await
}
