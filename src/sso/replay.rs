//! What a sign-in uses up.

use std::fmt;

use crate::ids::{LegacyId, ResourceId, UserId};

/// The name under which one use of an SSO token is remembered. `Display` is that name as text, for a
/// store.
///
/// Made of the canonical fields that the token covers, not of its digits, so that another spelling
/// of the same request has the same key.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ReplayKey {
    signed: Signed,
    timestamp: i64,
}

/// What a token is about, besides the time.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Signed {
    UserOfResource(ResourceId, UserId),
    Resource(ResourceId),
    Legacy(LegacyId),
}

impl ReplayKey {
    pub(super) fn user_scoped(resource: ResourceId, timestamp: i64, user: UserId) -> Self {
        let signed = Signed::UserOfResource(resource, user);
        Self { signed, timestamp }
    }

    pub(super) fn resource(resource: ResourceId, timestamp: i64) -> Self {
        let signed = Signed::Resource(resource);
        Self { signed, timestamp }
    }

    /// The formula is that of `resource_token`: where the provider's own id is the UUID, the digests
    /// are equal, and so is their use.
    pub(super) fn v1(id: &LegacyId, timestamp: i64) -> Self {
        let signed = match id.to_string().parse() {
            Ok(resource) => Signed::Resource(resource),
            Err(_) => Signed::Legacy(id.clone()),
        };
        Self { signed, timestamp }
    }
}

impl fmt::Display for ReplayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.timestamp;
        match &self.signed {
            Signed::UserOfResource(resource, user) => {
                write!(f, "user-scoped:{resource}:{at}:{user}")
            }
            Signed::Resource(resource) => write!(f, "resource:{resource}:{at}"),
            Signed::Legacy(id) => write!(f, "v1:{id}:{at}"),
        }
    }
}
