//! How values are stored in the columns of a database.

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::absence::AbsenceKind;
use crate::encryption::EncryptionKeys;
use crate::ids::ResourceId;
use crate::log_target::LOG;
use crate::people::{Email, People};
use crate::record::{PendingRemoval, ResourceState};
use crate::resource_list::ResourceList;
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::session_record::SessionKind;
use crate::session_record::SessionRecord;
use crate::store_error::StoreError;
use crate::tokens::Tokens;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::new(error)
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::new(error)
    }
}

impl ResourceState {
    pub(crate) fn as_column(self) -> &'static str {
        match self {
            // The dormant state has a column of its own: a release that does not know of it keeps asking
            // Heroku.
            Self::Active | Self::Dormant => "active",
            Self::Deprovisioning => "closing",
            Self::Deprovisioned => "gone",
        }
    }

    pub(crate) fn from_column(text: &str) -> Result<Self, StoreError> {
        match text {
            "active" => Ok(Self::Active),
            "closing" => Ok(Self::Deprovisioning),
            "gone" => Ok(Self::Deprovisioned),
            _ => Err(StoreError::new("a resource has an unknown state")),
        }
    }
}

impl AbsenceKind {
    pub(crate) fn as_column(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::GrantRefused => "grant_refused",
        }
    }

    /// None for a kind of a later version: the absence is then ignored, and Heroku is asked.
    pub(crate) fn from_column(text: &str) -> Option<Self> {
        match text {
            "not_found" => Some(Self::NotFound),
            "grant_refused" => Some(Self::GrantRefused),
            _ => None,
        }
    }
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::new)
}

/// A value that cannot be read, because it is damaged or a later version wrote it, counts as missing. A list
/// or a team's members are then fetched again.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str, about: &str) -> Option<T> {
    let value = serde_json::from_str(text);
    value
        .inspect_err(|_| tracing::warn!(target: LOG, about, "ignoring unreadable stored value"))
        .ok()
}

/// The email as it is in stored JSON.
pub(crate) fn in_json(email: &Email) -> Result<String, StoreError> {
    to_json(&email.as_str())
}

/// A stored list without this person. One that this version cannot read becomes one that no version can:
/// it is fetched again.
pub(crate) fn list_without(list: &str, email: &Email) -> Result<String, StoreError> {
    match from_json::<ResourceList>(list, "a list") {
        Some(list) => to_json(&list.without(email)),
        None => Ok("{}".to_owned()),
    }
}

/// The same for a team's stored members.
pub(crate) fn members_without(members: &str, email: &Email) -> Result<String, StoreError> {
    match from_json::<People>(members, "a team's members") {
        Some(members) => to_json(&members.without(email)),
        None => Ok("{}".to_owned()),
    }
}

/// The user whose sessions were revoked. This version admits no user with an address that it cannot read,
/// so such a revocation can be ignored.
pub(crate) fn revoked(email: &str) -> Option<Email> {
    let email = email.parse();
    email
        .inspect_err(|_| tracing::warn!(target: LOG, "ignoring revocation with invalid email"))
        .ok()
}

/// Unreadable pending removals of a column are ignored: they concern no user whom this version could admit.
pub(crate) fn pending_removals(text: Option<&str>) -> Vec<PendingRemoval> {
    let pending_removals: Option<Vec<serde_json::Value>> =
        text.and_then(|text| from_json(text, "pending_removals"));
    let pending_removals = pending_removals.unwrap_or_default().into_iter();
    pending_removals
        .filter_map(|pending_removal| serde_json::from_value(pending_removal).ok())
        .collect()
}

/// The session of a row. None if only a later version can read it, for example because its kind is new.
pub(crate) fn session_of(
    key: SessionKey,
    resource: ResourceId,
    email: &str,
    kind: &str,
    sequence: Sequence,
    times: [OffsetDateTime; 3],
    grant: String,
) -> Option<SessionRecord> {
    let email = email.parse().ok()?;
    let kind = SessionKind::from_stored(kind)?;
    let record = SessionRecord::from_stored(key, resource, email, kind, sequence, times, grant);
    Some(record)
}

/// Both tokens in one value, so that a pair is never split.
#[derive(Deserialize, Serialize)]
struct Pair {
    access: String,
    refresh: String,
}

pub(crate) fn encrypt_tokens(
    keys: &EncryptionKeys,
    id: &ResourceId,
    tokens: &Tokens,
) -> Result<Vec<u8>, StoreError> {
    let pair = Pair {
        access: tokens.access.expose_secret().to_owned(),
        refresh: tokens.refresh.expose_secret().to_owned(),
    };
    let text = serde_json::to_vec(&pair).map_err(StoreError::new)?;
    let encrypted = keys.encrypt(&text, &about_tokens(id));
    encrypted.map_err(StoreError::new)
}

pub(crate) fn open_tokens(
    keys: &EncryptionKeys,
    id: &ResourceId,
    encrypted: &[u8],
    expires_at: OffsetDateTime,
) -> Result<Tokens, StoreError> {
    let text = keys.open(encrypted, &about_tokens(id));
    let pair: Result<Pair, _> = serde_json::from_slice(&text.map_err(StoreError::new)?);
    // The parser's error could quote the text.
    let pair = pair.map_err(|_| StoreError::new("decrypted tokens are malformed"))?;
    Ok(Tokens {
        access: pair.access.into(),
        refresh: pair.refresh.into(),
        expires_at,
    })
}

pub(crate) fn encrypt_code(
    keys: &EncryptionKeys,
    id: &ResourceId,
    code: &SecretString,
) -> Result<Vec<u8>, StoreError> {
    let encrypted = keys.encrypt(code.expose_secret().as_bytes(), &about_code(id));
    encrypted.map_err(StoreError::new)
}

pub(crate) fn open_code(
    keys: &EncryptionKeys,
    id: &ResourceId,
    encrypted: &[u8],
) -> Result<SecretString, StoreError> {
    let opened = keys.open(encrypted, &about_code(id));
    let opened = opened.map_err(StoreError::new)?;
    let code = str::from_utf8(&opened);
    let code = code.map_err(|_| StoreError::new("a decrypted grant code is malformed"))?;
    Ok(code.into())
}

/// The encrypted values of a row.
pub(crate) struct Encrypted {
    pub(crate) tokens: Option<Vec<u8>>,
    pub(crate) code: Option<Vec<u8>>,
}

/// The same values encrypted with the current key; none if both already are.
pub(crate) fn reencrypted(
    keys: &EncryptionKeys,
    id: &ResourceId,
    tokens: Option<&[u8]>,
    code: Option<&[u8]>,
) -> Result<Option<Encrypted>, StoreError> {
    let is_old =
        |encrypted: Option<&[u8]>| encrypted.is_some_and(|encrypted| !keys.is_current(encrypted));
    if !is_old(tokens) && !is_old(code) {
        return Ok(None);
    }
    let reencrypt = |encrypted: Option<&[u8]>, about: String| {
        let Some(encrypted) = encrypted else {
            return Ok(None);
        };
        let opened = keys.open(encrypted, &about);
        let encrypted = opened.and_then(|text| keys.encrypt(&text, &about));
        encrypted.map(Some).map_err(StoreError::new)
    };
    Ok(Some(Encrypted {
        tokens: reencrypt(tokens, about_tokens(id))?,
        code: reencrypt(code, about_code(id))?,
    }))
}

fn about_tokens(id: &ResourceId) -> String {
    format!("tower-heroku-sso tokens of {id}")
}

fn about_code(id: &ResourceId) -> String {
    format!("tower-heroku-sso grant code of {id}")
}
