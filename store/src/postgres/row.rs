//! Conversion of rows to values.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::absence::{Absence, AbsenceKind};
use crate::column::{from_json, open_code, open_tokens, pending_removals, revoked};
use crate::encryption::EncryptionKeys;
use crate::ids::ResourceId;
use crate::people::People;
use crate::record::{ActiveResource, Dated, Registration, ResourceState, Revocation};
use crate::resource_list::ResourceList;
use crate::sequence::Sequence;
use crate::store_error::StoreError;

macro_rules! columns {
    () => {
        "id, token_ends_at, sessions_since, list, list_sequence, list_asked_at,
        extract(epoch FROM clock_timestamp() - list_asked)::float8 AS list_age,
        (SELECT json_agg(json_build_object('email', d.email, 'sequence', d.sequence))::text
         FROM tower_heroku_sso.pending_removal d
         WHERE d.resource = id AND d.sequence > coalesce(list_sequence, 0)) AS pending_removals,
        a.kind AS absence_kind, a.answers, a.first_at, a.last_at,
        a.sequence AS absence_sequence, a.dormant_at"
    };
}

macro_rules! resources {
    () => {
        " FROM tower_heroku_sso.resource
        LEFT JOIN tower_heroku_sso.absence a
        ON a.resource = id AND a.sequence > coalesce(list_sequence, 0)"
    };
}

/// One row for each revocation of a resource, one if it has none.
pub(super) const ACTIVE_ONE: &str = concat!(
    "SELECT ",
    columns!(),
    ", r.email, r.sequence, r.at",
    resources!(),
    " LEFT JOIN tower_heroku_sso.revocation r ON r.resource = id
    WHERE state = 'active' AND id = $1"
);

/// The same for a page of resources.
pub(super) const ACTIVE_PAGE: &str = concat!(
    "SELECT page.*, r.email, r.sequence, r.at FROM (SELECT ",
    columns!(),
    resources!(),
    " WHERE state = 'active' AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2
    ) page LEFT JOIN tower_heroku_sso.revocation r ON r.resource = page.id
    ORDER BY page.id"
);

pub(super) const MEMBERS: &str = "SELECT members, sequence, asked_at,
    extract(epoch FROM clock_timestamp() - asked)::float8 AS age
    FROM tower_heroku_sso.team WHERE id = $1";

pub(super) fn registration(
    row: &PgRow,
    id: &ResourceId,
    keys: &EncryptionKeys,
) -> Result<Registration, StoreError> {
    let legacy_id: Option<String> = row.try_get("legacy_id")?;
    let legacy_id = legacy_id.map(|id| id.parse().map_err(StoreError::new));
    let tokens: Option<Vec<u8>> = row.try_get("tokens")?;
    let tokens = match (tokens, row.try_get("token_ends_at")?) {
        (Some(encrypted), Some(ends_at)) => Some(open_tokens(keys, id, &encrypted, ends_at)?),
        _ => None,
    };
    let code: Option<Vec<u8>> = row.try_get("grant_code")?;
    let absence = absence(row)?;
    let is_dormant = absence.is_some_and(|absence| absence.dormant_at.is_some());
    Ok(Registration {
        state: match ResourceState::from_column(row.try_get("state")?)? {
            ResourceState::Active if is_dormant => ResourceState::Dormant,
            state => state,
        },
        legacy_id: legacy_id.transpose()?,
        tokens,
        grant_code: code
            .map(|encrypted| open_code(keys, id, &encrypted))
            .transpose()?,
        webhook: row.try_get("webhook")?,
        absence,
        deprovision_owed: row.try_get("deprovision_owed")?,
        revision: row.try_get("revision")?,
    })
}

/// The rows of one resource must be adjacent.
pub(super) fn active(rows: &[PgRow]) -> Result<Vec<ActiveResource>, StoreError> {
    let mut resources: Vec<ActiveResource> = Vec::new();
    for row in rows {
        let id = id(row)?;
        if resources.last().is_none_or(|last| last.id != id) {
            let since: Option<i64> = row.try_get("sessions_since")?;
            resources.push(ActiveResource {
                token_ends_at: row.try_get("token_ends_at")?,
                sessions_since: since.map(Sequence::new),
                list: list(row)?,
                pending_removals: pending_removals(row.try_get("pending_removals")?),
                absence: absence(row)?,
                ..ActiveResource::new(id)
            });
        }
        if let (Some(resource), Some(revocation)) = (resources.last_mut(), revocation(row)?) {
            resource.revocations.push(revocation);
        }
    }
    Ok(resources)
}

pub(super) fn id(row: &PgRow) -> Result<ResourceId, StoreError> {
    let id: Uuid = row.try_get("id")?;
    Ok(id.into())
}

pub(super) fn members(row: &PgRow) -> Result<Option<Dated<People>>, StoreError> {
    let members = from_json(row.try_get("members")?, "a team's members");
    let (sequence, asked_at) = (row.try_get("sequence")?, row.try_get("asked_at")?);
    let age = age(row.try_get("age")?);
    Ok(members.map(|members| Dated::new(members, Sequence::new(sequence), asked_at, age)))
}

/// An incomplete list counts as missing: it is fetched again.
fn list(row: &PgRow) -> Result<Option<Dated<ResourceList>>, StoreError> {
    let list: Option<&str> = row.try_get("list")?;
    let (sequence, asked_at) = (row.try_get("list_sequence")?, row.try_get("list_asked_at")?);
    let (Some(list), Some(sequence), Some(asked_at), Some(seconds)) =
        (list, sequence, asked_at, row.try_get("list_age")?)
    else {
        return Ok(None);
    };
    let list = from_json(list, "a list");
    Ok(list.map(|list| Dated::new(list, Sequence::new(sequence), asked_at, age(seconds))))
}

/// None if the row has no absence, or one that only a later version understands.
pub(super) fn absence(row: &PgRow) -> Result<Option<Absence>, sqlx::Error> {
    let kind: Option<&str> = row.try_get("absence_kind")?;
    let Some(kind) = kind.and_then(AbsenceKind::from_column) else {
        return Ok(None);
    };
    let answers: i64 = row.try_get("answers")?;
    Ok(Some(Absence {
        kind,
        answers: u32::try_from(answers).unwrap_or(u32::MAX),
        first_at: row.try_get("first_at")?,
        last_at: row.try_get("last_at")?,
        sequence: Sequence::new(row.try_get("absence_sequence")?),
        dormant_at: row.try_get("dormant_at")?,
    }))
}

fn revocation(row: &PgRow) -> Result<Option<Revocation>, StoreError> {
    let Some(email) = row.try_get::<Option<&str>, _>("email")?.and_then(revoked) else {
        return Ok(None);
    };
    let sequence = Sequence::new(row.try_get("sequence")?);
    let at: OffsetDateTime = row.try_get("at")?;
    Ok(Some(Revocation::new(email, sequence, at)))
}

fn age(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}
