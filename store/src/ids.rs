//! Identifiers of resources, apps, teams and accounts, each with its own type.
//!
//! A value of one of these types has passed its grammar. It contains nothing that could change the meaning of
//! a URL path, a hash input or a log line.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::invalid_value::InvalidValue;

/// The longest opaque identifier that is accepted, in bytes.
const MAX_OPAQUE_LEN: usize = 64;

const INVALID_RESOURCE_ID: InvalidValue = InvalidValue::new("invalid resource id");

/// One provisioned add-on, by the UUID that Heroku uses in provisioning, SSO and the Platform API.
///
/// Parses the hyphenated form of 36 characters only, in either case, and prints lower case.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceId(Uuid);

impl ResourceId {
    /// The id as a [`Uuid`].
    pub fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for ResourceId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for ResourceId {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        // `Uuid` also accepts braces, `urn:uuid:` and the form without hyphens. Only one form is accepted
        // here.
        if text.len() != 36 {
            return Err(INVALID_RESOURCE_ID);
        }
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| INVALID_RESOURCE_ID)
    }
}

impl TryFrom<String> for ResourceId {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> Self {
        id.to_string()
    }
}

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $keep:path) => {
        $(#[$doc])*
        ///
        /// 1 to 64 ASCII letters, digits, `-` or `_`.
        #[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Opaque);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match &self.0 {
                    Opaque::Uuid(uuid) => uuid.as_hyphenated().fmt(f),
                    Opaque::Text(text) => f.write_str(text),
                }
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                $keep(text).map(Self).ok_or(InvalidValue::new(concat!("invalid ", $kind)))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidValue;

            fn try_from(text: String) -> Result<Self, InvalidValue> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

/// Lists hold millions of ids, and nearly all are UUIDs: those take 16 bytes and no allocation.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Opaque {
    Uuid(Uuid),
    Text(Arc<str>),
}

impl Opaque {
    /// The text unchanged.
    fn as_written(text: &str) -> Option<Self> {
        is_opaque(text).then(|| Self::Text(text.into()))
    }

    /// In lower case, because Heroku's ids are case-insensitive.
    fn in_lower_case(text: &str) -> Option<Self> {
        // `Uuid` also accepts other forms, which would be printed differently.
        if text.len() == 36
            && let Ok(uuid) = Uuid::try_parse(text)
        {
            return Some(Self::Uuid(uuid));
        }
        is_opaque(text).then(|| Self::Text(text.to_ascii_lowercase().into()))
    }
}

fn is_opaque(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !text.is_empty() && text.len() <= MAX_OPAQUE_LEN && text.bytes().all(allowed)
}

opaque_id! {
    /// A Heroku app, by its id (names can change, ids cannot). Today it is a UUID, but nothing here depends
    /// on that. Stored in lower case.
    AppId, "app id", Opaque::in_lower_case
}

opaque_id! {
    /// A Heroku team. Stored in lower case.
    TeamId, "team id", Opaque::in_lower_case
}

opaque_id! {
    /// A Heroku account, as `user_id` in an SSO request and `user.id` in Heroku's lists. Stored in lower
    /// case.
    UserId, "user id", Opaque::in_lower_case
}

opaque_id! {
    /// The partner's own id of a resource. An SSO request of version 1 of Heroku's Partner API has it as
    /// `id`. Stored as written, because the partner's ids may be case-sensitive.
    LegacyId, "legacy id", Opaque::as_written
}

macro_rules! from_uuid {
    ($($name:ident),*) => {$(
        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(Opaque::Uuid(uuid))
            }
        }
    )*};
}

// Not `LegacyId`, which is compared as written.
from_uuid!(AppId, TeamId, UserId);

impl UserId {
    /// The id as a UUID, if it is one.
    #[doc(hidden)]
    pub fn as_uuid(&self) -> Option<Uuid> {
        match self.0 {
            Opaque::Uuid(uuid) => Some(uuid),
            Opaque::Text(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_id_has_one_spelling_except_for_case() {
        let id: ResourceId = "01234567-89AB-cdef-0123-456789abcdef".parse().unwrap();
        assert_eq!(id.to_string(), "01234567-89ab-cdef-0123-456789abcdef");
        for bad in [
            "",
            "0123456789abcdef0123456789abcdef",
            "{01234567-89ab-cdef-0123-456789abcdef}",
            "urn:uuid:01234567-89ab-cdef-0123-456789abcdef",
            "01234567-89ab-cdef-0123-456789abcdef.",
            "01234567-89ab-cdef-0123-456789abcdeg",
        ] {
            assert!(bad.parse::<ResourceId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn opaque_id_rejects_special_characters_of_paths_and_hashes() {
        for bad in [
            "",
            "a:b",
            "a/b",
            "..",
            "a%2fb",
            "a b",
            "a\n",
            "é",
            &"a".repeat(65),
        ] {
            assert!(bad.parse::<UserId>().is_err(), "{bad}");
        }
        for (text, kept) in [
            ("ABC-1", "abc-1"),
            (
                "01234567-89AB-cdef-0123-456789abcdef",
                "01234567-89ab-cdef-0123-456789abcdef",
            ),
            (
                "0123456789ABCDEF0123456789abcdef",
                "0123456789abcdef0123456789abcdef",
            ),
        ] {
            assert_eq!(text.parse::<UserId>().unwrap().to_string(), kept);
        }
    }
}
