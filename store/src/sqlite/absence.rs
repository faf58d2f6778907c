//! Answers that a resource does not exist, and deprovisioning because of them.

use time::OffsetDateTime;

use super::SqliteStore;
use super::deactivate::{END, deactivate_in};
use super::row::{self, micros};
use crate::absence::{Absence, AbsenceSign, Brake, Dormancy};
use crate::ids::ResourceId;
use crate::sequence::Sequence;
use crate::store_error::StoreError;

const ABSENCE: &str = "SELECT kind AS absence_kind, answers, first_at, last_at,
    sequence AS absence_sequence, dormant_at
    FROM heroku_sso_absence WHERE resource = ?1";

pub(super) async fn note(
    store: &SqliteStore,
    id: &ResourceId,
    sign: AbsenceSign,
) -> Result<Option<Absence>, StoreError> {
    let mut transaction = store.pool.begin().await?;
    // Needed because a release that does not know of absences writes lists, too.
    sqlx::query(
        "DELETE FROM heroku_sso_absence WHERE resource = ?1 AND sequence <=
         (SELECT coalesce(list_sequence, 0) FROM heroku_sso_resource WHERE id = ?1)",
    )
    .bind(id.to_string())
    .execute(&mut *transaction)
    .await?;
    let known = sqlx::query(ABSENCE)
        .bind(id.to_string())
        .fetch_optional(&mut *transaction)
        .await?;
    let known = known.map_or(Ok(None), |row| row::absence(&row))?;
    let absence = known.map_or_else(|| Absence::new(sign), |known| known.and(sign));
    let noted = sqlx::query(
        "INSERT INTO heroku_sso_absence (resource, kind, answers, first_at, last_at, sequence)
         SELECT id, ?2, ?3, ?4, ?5, ?6 FROM heroku_sso_resource
         WHERE id = ?1 AND state = 'active' AND coalesce(list_sequence, 0) < ?7
         ON CONFLICT (resource) DO UPDATE SET kind = ?2, answers = ?3, first_at = ?4,
         last_at = ?5, sequence = ?6",
    )
    .bind(id.to_string())
    .bind(absence.kind.as_column())
    .bind(i64::from(absence.answers))
    .bind(micros(absence.first_at))
    .bind(micros(absence.last_at))
    .bind(absence.sequence.number())
    .bind(sign.sequence.number())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok((noted.rows_affected() > 0).then_some(absence))
}

pub(super) async fn make_dormant(
    store: &SqliteStore,
    id: &ResourceId,
    sequence: Sequence,
    at: OffsetDateTime,
    brake: &Brake,
) -> Result<Dormancy, StoreError> {
    let mut transaction = store.pool.begin().await?;
    let wanted = sqlx::query(
        "UPDATE heroku_sso_absence SET wanted_at = ?3
         WHERE resource = ?1 AND sequence = ?2 AND dormant_at IS NULL AND EXISTS
         (SELECT 1 FROM heroku_sso_resource
         WHERE id = ?1 AND state = 'active' AND coalesce(list_sequence, 0) < ?2)",
    )
    .bind(id.to_string())
    .bind(sequence.number())
    .bind(micros(at))
    .execute(&mut *transaction)
    .await?;
    if wanted.rows_affected() == 0 {
        return Ok(Dormancy::Outdated);
    }
    let (becoming, resources): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM heroku_sso_absence WHERE wanted_at > ?1),
         (SELECT count(*) FROM heroku_sso_resource WHERE state = 'active')",
    )
    .bind(micros(at - brake.within))
    .fetch_one(&mut *transaction)
    .await?;
    let becoming = becoming.unsigned_abs();
    let allowed = brake.allows(becoming, resources.unsigned_abs());
    if allowed {
        sqlx::query("UPDATE heroku_sso_absence SET dormant_at = ?2 WHERE resource = ?1")
            .bind(id.to_string())
            .bind(micros(at))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(match allowed {
        true => Dormancy::Begun,
        false => Dormancy::Braked { becoming },
    })
}

pub(super) async fn end(
    store: &SqliteStore,
    id: &ResourceId,
    sequence: Sequence,
) -> Result<bool, StoreError> {
    let mut transaction = store.pool.begin().await?;
    let is_latest = sqlx::query(
        "SELECT 1 FROM heroku_sso_absence a JOIN heroku_sso_resource r ON r.id = a.resource
         WHERE r.id = ?1 AND r.state = 'active' AND coalesce(r.list_sequence, 0) < ?2
         AND a.sequence = ?2 AND a.dormant_at IS NOT NULL",
    )
    .bind(id.to_string())
    .bind(sequence.number())
    .fetch_optional(&mut *transaction)
    .await?;
    if is_latest.is_none() {
        return Ok(false);
    }
    deactivate_in(&mut transaction, id, END).await?;
    transaction.commit().await?;
    Ok(true)
}
