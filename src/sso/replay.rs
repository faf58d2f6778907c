//! What a sign-in uses up.

use std::fmt;

use crate::ids::{LegacyId, ResourceId, UserId};

/// The name under which one use of an SSO token is remembered.
///
/// Made of the canonical fields that the token covers, not of its digits, so that another spelling
/// of the same request has the same key.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ReplayKey(String);

impl ReplayKey {
    pub(super) fn user_scoped(resource: &ResourceId, timestamp: i64, user: &UserId) -> Self {
        Self(format!("user-scoped:{resource}:{timestamp}:{user}"))
    }

    pub(super) fn resource(resource: &ResourceId, timestamp: i64) -> Self {
        Self(format!("resource:{resource}:{timestamp}"))
    }

    /// The formula is that of `resource_token`: where the provider's own id is the UUID, the digests
    /// are equal, and so is their use.
    pub(super) fn v1(id: &LegacyId, timestamp: i64) -> Self {
        match id.to_string().parse() {
            Ok(resource) => Self::resource(&resource, timestamp),
            Err(_) => Self(format!("v1:{id}:{timestamp}")),
        }
    }

    /// The key as text, for a store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReplayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
