//! The right to enter one resource's dashboard, as one person, for a while.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::access::Email;
use crate::ids::{ResourceId, UserId};
use crate::sso::Proof;
use crate::store::Ticket;
use crate::sync::Admitted;

/// Grants of another version are not read: their holders sign in again.
const VERSION: u8 = 1;

/// What a session holds. It says who signed in, not what they may do: the list says that, anew at
/// every request.
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
    #[serde(with = "time::serde::timestamp")]
    pub(crate) signed_in_at: OffsetDateTime,
    #[serde(with = "time::serde::timestamp")]
    pub(crate) expires_at: OffsetDateTime,
}

impl Grant {
    /// The grant of somebody who was admitted, for `life`.
    pub(super) fn new(
        admitted: &Admitted,
        proof: Proof,
        context_app: Option<String>,
        now: OffsetDateTime,
        life: Duration,
    ) -> Self {
        // Whole seconds, as it is stored: the earlier end counts.
        let now = now.replace_nanosecond(0).unwrap_or(now);
        Self {
            version: VERSION,
            resource: admitted.resource,
            email: admitted.member.email.clone(),
            user_id: admitted.user_id.clone(),
            proof,
            context_app,
            ticket: admitted.ticket,
            signed_in_at: now,
            expires_at: now + life,
        }
    }

    /// The account, if the browser could not have made it up.
    pub(crate) fn proved_account(&self) -> Option<&UserId> {
        let is_proved = self.proof != Proof::UnsignedEmail;
        self.user_id.as_ref().filter(|_| is_proved)
    }

    pub(super) fn is_readable(&self) -> bool {
        self.version == VERSION
    }

    pub(crate) fn has_ended(&self, now: OffsetDateTime) -> bool {
        self.expires_at <= now
    }
}
