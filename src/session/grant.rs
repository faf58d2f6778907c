//! The right of one user to enter one resource's dashboard.

use heroku_sso_store::{Email, ResourceId, Sequence, SessionKey, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::audit::Subject;
use crate::sso::Proof;
use crate::store::SessionKind;
use crate::sync::{Admitted, ListVersion, Principal, SessionStart};

/// Grants of another version are not read: their users sign in again.
const VERSION: u8 = 3;

/// The data of a session: who signed in, to which resource, with which proof, and when it began. It does not
/// say what the user may do, which the list decides at every request. Nor does it say when it ends:
/// see [`lifespan`](crate::lifespan).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Grant {
    version: u8,
    pub(crate) resource: ResourceId,
    pub(crate) email: Email,
    pub(crate) user_id: Option<UserId>,
    pub(crate) proof: Proof,
    pub(crate) context_app: Option<String>,
    /// The sequence number of the sign-in: a later revocation has a greater one.
    pub(crate) sequence: Sequence,
    /// The version of the list that admitted the user.
    pub(crate) list: ListVersion,
    /// When the user signed in, to the millisecond.
    #[serde(with = "milliseconds")]
    pub(crate) began: OffsetDateTime,
}

impl Grant {
    /// The grant of a user who was admitted at `now`.
    pub(super) fn new(
        admitted: &Admitted,
        proof: Proof,
        context_app: Option<String>,
        now: OffsetDateTime,
    ) -> Self {
        // Truncated, as it is stored.
        let began = now.replace_millisecond(now.millisecond()).unwrap_or(now);
        Self {
            version: VERSION,
            resource: admitted.resource,
            email: admitted.member.email.clone(),
            user_id: admitted.user_id.clone(),
            proof,
            context_app,
            sequence: admitted.sequence,
            list: admitted.list,
            began,
        }
    }

    /// The grant of a user whom a test makes, without a session.
    pub(crate) fn for_test(resource: ResourceId, email: Email, began: OffsetDateTime) -> Self {
        let sequence = Sequence::new(0);
        Self {
            version: VERSION,
            resource,
            email,
            user_id: None,
            proof: Proof::SignedEmail,
            context_app: None,
            sequence,
            list: ListVersion {
                own: sequence,
                members: None,
                attached: None,
            },
            began,
        }
    }

    pub(super) fn is_readable(&self) -> bool {
        self.version == VERSION
    }

    /// How the session of a browser with this grant began.
    pub(super) fn kind(&self) -> SessionKind {
        match self.proof {
            Proof::OwnLogin => SessionKind::OwnLogin,
            Proof::SignedEmail | Proof::UnsignedEmail => SessionKind::Browser,
        }
    }

    pub(crate) fn principal(&self) -> Principal<'_> {
        Principal {
            email: &self.email,
            user_id: self.user_id.as_ref(),
            is_account_proved: self.proof != Proof::UnsignedEmail,
        }
    }

    /// The subject of an audit event about a session with this grant.
    pub(crate) fn subject<'a>(&'a self, session: &'a SessionKey) -> Subject<'a> {
        Subject {
            resource: Some(&self.resource),
            email: Some(&self.email),
            user_id: self.user_id.as_ref(),
            proof: Some(self.proof),
            session: Some(session),
        }
    }

    pub(crate) fn start(&self) -> SessionStart {
        SessionStart {
            began: self.began.into(),
            sequence: self.sequence,
            list: self.list,
        }
    }
}

/// Milliseconds of Unix time. `time` offers this too, but with 128-bit numbers, which not every serde
/// format supports.
mod milliseconds {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use time::{Duration, OffsetDateTime};

    pub(super) fn serialize<S: Serializer>(
        at: &OffsetDateTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let since = *at - OffsetDateTime::UNIX_EPOCH;
        // The range of `OffsetDateTime` fits.
        let millis = i64::try_from(since.whole_milliseconds()).unwrap_or(i64::MAX);
        millis.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<OffsetDateTime, D::Error> {
        let since = Duration::milliseconds(i64::deserialize(deserializer)?);
        let at = OffsetDateTime::UNIX_EPOCH.checked_add(since);
        at.ok_or_else(|| D::Error::custom("not a valid time"))
    }
}
