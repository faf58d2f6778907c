//! The single use of a sign-in.

use std::fmt;

use crate::ids::{LegacyId, ResourceId, UserId};

/// The name under which the use of an SSO token is recorded. `Display` gives that name as text, for a store:
/// at most 134 bytes, in which case matters.
///
/// It is derived from the canonical fields that the token covers, not from the token's digits. Another
/// spelling of the same request thus has the same key.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ReplayKey {
    signed: Signed,
    timestamp: i64,
}

/// The subject of a token, without the time.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Signed {
    UserOfResource(ResourceId, UserId),
    Resource(ResourceId),
    Legacy(LegacyId),
}

impl ReplayKey {
    /// The key of a token that covers the resource and the account.
    #[doc(hidden)]
    pub fn user_scoped(resource: ResourceId, timestamp: i64, user: UserId) -> Self {
        let signed = Signed::UserOfResource(resource, user);
        Self { signed, timestamp }
    }

    /// The key of a token that covers the resource alone.
    #[doc(hidden)]
    pub fn resource(resource: ResourceId, timestamp: i64) -> Self {
        let signed = Signed::Resource(resource);
        Self { signed, timestamp }
    }

    /// The key of a token of version 1 of Heroku's Partner API, which covers the partner's own id. Its
    /// formula is that of a token that covers the resource alone. If the partner's own id is the resource's
    /// UUID, the two tokens are equal, and so must be the keys.
    #[doc(hidden)]
    pub fn v1(id: &LegacyId, timestamp: i64) -> Self {
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
