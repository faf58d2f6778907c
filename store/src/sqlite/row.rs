//! Conversion of rows to values.

use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

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
        (SELECT json_group_array(json_object('email', d.email, 'sequence', d.sequence))
         FROM heroku_sso_pending_removal d
         WHERE d.resource = id AND d.sequence > coalesce(list_sequence, 0)) AS pending_removals,
        a.kind AS absence_kind, a.answers, a.first_at, a.last_at,
        a.sequence AS absence_sequence, a.dormant_at"
    };
}

macro_rules! resources {
    () => {
        " FROM heroku_sso_resource
        LEFT JOIN heroku_sso_absence a ON a.resource = id AND a.sequence > coalesce(list_sequence, 0)"
    };
}

/// One row for each revocation of a resource, one if it has none.
pub(super) const ACTIVE_ONE: &str = concat!(
    "SELECT ",
    columns!(),
    ", r.email, r.sequence, r.at",
    resources!(),
    " LEFT JOIN heroku_sso_revocation r ON r.resource = id
    WHERE state = 'active' AND id = ?1"
);

/// The same for a page of resources.
pub(super) const ACTIVE_PAGE: &str = concat!(
    "SELECT page.*, r.email, r.sequence, r.at FROM (SELECT ",
    columns!(),
    resources!(),
    " WHERE state = 'active' AND id > ?1 ORDER BY id LIMIT ?2
    ) page LEFT JOIN heroku_sso_revocation r ON r.resource = page.id
    ORDER BY page.id"
);

pub(super) fn registration(
    row: &SqliteRow,
    id: &ResourceId,
    keys: &EncryptionKeys,
) -> Result<Registration, StoreError> {
    let legacy_id: Option<String> = row.try_get("legacy_id")?;
    let legacy_id = legacy_id.map(|id| id.parse().map_err(StoreError::new));
    let tokens: Option<Vec<u8>> = row.try_get("tokens")?;
    let tokens = match (tokens, row.try_get("token_ends_at")?) {
        (Some(encrypted), Some(ends_at)) => {
            Some(open_tokens(keys, id, &encrypted, moment(ends_at)?)?)
        }
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
        deprovision_owed: row.try_get::<i64, _>("deprovision_owed")? != 0,
        revision: row.try_get("revision")?,
    })
}

/// The rows of one resource must be adjacent.
pub(super) fn active(rows: &[SqliteRow]) -> Result<Vec<ActiveResource>, StoreError> {
    let mut resources: Vec<ActiveResource> = Vec::new();
    for row in rows {
        let id = id(row)?;
        if resources.last().is_none_or(|last| last.id != id) {
            let ends_at: Option<i64> = row.try_get("token_ends_at")?;
            let since: Option<i64> = row.try_get("sessions_since")?;
            resources.push(ActiveResource {
                token_ends_at: ends_at.map(moment).transpose()?,
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

pub(super) fn id(row: &SqliteRow) -> Result<ResourceId, StoreError> {
    let id: &str = row.try_get("id")?;
    id.parse().map_err(StoreError::new)
}

pub(super) fn members(row: &SqliteRow) -> Result<Option<Dated<People>>, StoreError> {
    let members: &str = row.try_get("members")?;
    let (sequence, asked_at) = (row.try_get("sequence")?, row.try_get("asked_at")?);
    let asked_at = moment(asked_at)?;
    let members = from_json(members, "a team's members");
    Ok(members
        .map(|members| Dated::new(members, Sequence::new(sequence), asked_at, Duration::ZERO)))
}

/// An incomplete list counts as missing: it is fetched again.
fn list(row: &SqliteRow) -> Result<Option<Dated<ResourceList>>, StoreError> {
    let list: Option<&str> = row.try_get("list")?;
    let (sequence, asked_at) = (row.try_get("list_sequence")?, row.try_get("list_asked_at")?);
    let (Some(list), Some(sequence), Some(asked_at)) = (list, sequence, asked_at) else {
        return Ok(None);
    };
    let asked_at = moment(asked_at)?;
    let list = from_json(list, "a list");
    Ok(list.map(|list| Dated::new(list, Sequence::new(sequence), asked_at, Duration::ZERO)))
}

/// None if the row has no absence, or one that only a later version understands.
pub(super) fn absence(row: &SqliteRow) -> Result<Option<Absence>, StoreError> {
    let kind: Option<&str> = row.try_get("absence_kind")?;
    let Some(kind) = kind.and_then(AbsenceKind::from_column) else {
        return Ok(None);
    };
    let answers: i64 = row.try_get("answers")?;
    let dormant_at: Option<i64> = row.try_get("dormant_at")?;
    Ok(Some(Absence {
        kind,
        answers: u32::try_from(answers).unwrap_or(u32::MAX),
        first_at: moment(row.try_get("first_at")?)?,
        last_at: moment(row.try_get("last_at")?)?,
        sequence: Sequence::new(row.try_get("absence_sequence")?),
        dormant_at: dormant_at.map(moment).transpose()?,
    }))
}

fn revocation(row: &SqliteRow) -> Result<Option<Revocation>, StoreError> {
    let Some(email) = row.try_get::<Option<&str>, _>("email")?.and_then(revoked) else {
        return Ok(None);
    };
    let (sequence, at) = (row.try_get("sequence")?, moment(row.try_get("at")?)?);
    Ok(Some(Revocation::new(email, Sequence::new(sequence), at)))
}

/// Microseconds since 1970.
pub(super) fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

pub(super) fn moment(micros: i64) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).map_err(StoreError::new)
}
