//! Why a person is denied access.

use std::time::Duration;

use crate::error_chain;
use crate::lifespan::End;
use crate::sync::SyncError;

/// Why the person is denied access.
#[derive(Clone, Debug)]
pub(crate) enum Denial {
    NotListed,
    /// The list has the email with another account, or the account is disputed.
    OtherAccount,
    /// The list has the account with another email.
    EmailChanged,
    /// The partner ended this person's sessions.
    Revoked,
    /// The person was removed from the list after the list that admitted the session, and added again.
    Removed,
    SessionOver(End),
    Dormant,
    Gone,
    UnknownResource,
    /// Access cannot be decided now; the session is kept.
    Unavailable(SyncError),
}

impl Denial {
    /// The reason in words, for the audit event and for an explanation.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::NotListed => "the email is not on the list".to_owned(),
            Self::OtherAccount => "the list has this email for another account".to_owned(),
            Self::EmailChanged => "the account has another email on the list".to_owned(),
            Self::Revoked => "the sessions were revoked".to_owned(),
            Self::Removed => {
                "the email was removed from the list after the sign-in and added again".to_owned()
            }
            Self::SessionOver(End::LongestLife) => "the session has reached max_session".to_owned(),
            Self::SessionOver(End::Unused) => {
                "the resource was not used until its list was too old".to_owned()
            }
            Self::Dormant => SyncError::Dormant.to_string(),
            Self::Gone => SyncError::Gone.to_string(),
            Self::UnknownResource => "the resource is not registered".to_owned(),
            Self::Unavailable(error) => error_chain::with(error),
        }
    }

    /// How long to wait before a retry; only [`Unavailable`](Self::Unavailable) has one. A dormant resource
    /// answers a sign-in with 403, like an unlisted email.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable(error) => Some(error.retry_after()),
            _ => None,
        }
    }
}

impl From<SyncError> for Denial {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Dormant => Self::Dormant,
            SyncError::Gone => Self::Gone,
            SyncError::UnknownResource => Self::UnknownResource,
            other => Self::Unavailable(other),
        }
    }
}
