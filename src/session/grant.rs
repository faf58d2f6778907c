//! The right to enter one resource's dashboard, as one person.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::access::Email;
use crate::ids::{ResourceId, UserId};
use crate::sso::Proof;
use crate::store::Ticket;
use crate::sync::{Admitted, ListVersion, Principal, SessionStart};

/// Grants of another version are not read: their holders sign in again.
const VERSION: u8 = 3;

/// What a session holds: who signed in, where, how they proved it, and when it began. It says neither
/// what they may do, which the list says anew at every request, nor when it ends, which
/// [`lifespan`](crate::lifespan) says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Grant {
    version: u8,
    pub(crate) resource: ResourceId,
    pub(crate) email: Email,
    pub(crate) user_id: Option<UserId>,
    pub(crate) proof: Proof,
    pub(crate) context_app: Option<String>,
    /// Of the sign-in: what was revoked later has a greater one.
    pub(crate) ticket: Ticket,
    /// Of the list that admitted them.
    pub(crate) list: ListVersion,
    /// Of the sign-in, to the millisecond.
    #[serde(with = "milliseconds")]
    pub(crate) began: OffsetDateTime,
}

impl Grant {
    /// The grant of somebody who was admitted at `now`.
    pub(super) fn new(
        admitted: &Admitted,
        proof: Proof,
        context_app: Option<String>,
        now: OffsetDateTime,
    ) -> Self {
        // As it is stored.
        let began = now.replace_millisecond(now.millisecond()).unwrap_or(now);
        Self {
            version: VERSION,
            resource: admitted.resource,
            email: admitted.member.email.clone(),
            user_id: admitted.user_id.clone(),
            proof,
            context_app,
            ticket: admitted.ticket,
            list: admitted.list,
            began,
        }
    }

    pub(super) fn is_readable(&self) -> bool {
        self.version == VERSION
    }

    pub(crate) fn principal(&self) -> Principal<'_> {
        Principal {
            email: &self.email,
            user_id: self.user_id.as_ref(),
            is_account_proved: self.proof != Proof::UnsignedEmail,
        }
    }

    pub(crate) fn start(&self) -> SessionStart {
        SessionStart {
            began: self.began,
            ticket: self.ticket,
            list: self.list,
        }
    }
}

/// Of Unix time. `time` has these too, in numbers of 128 bits, which not every part of serde takes.
mod milliseconds {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use time::{Duration, OffsetDateTime};

    pub(super) fn serialize<S: Serializer>(
        at: &OffsetDateTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let since = *at - OffsetDateTime::UNIX_EPOCH;
        // A year has no more than five digits.
        let millis = i64::try_from(since.whole_milliseconds()).unwrap_or(i64::MAX);
        millis.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<OffsetDateTime, D::Error> {
        let since = Duration::milliseconds(i64::deserialize(deserializer)?);
        let at = OffsetDateTime::UNIX_EPOCH.checked_add(since);
        at.ok_or_else(|| D::Error::custom("not a time"))
    }
}
