//! What the audit log and the report of observed requests say about a rejection.

use heroku_sso_store::{Email, ResourceId, SessionKey, UserId};

use super::rejection::Rejection;
use crate::audit::{AuditKind, AuditLog, RequestId, Subject};
use crate::session::Grant;
use crate::sso::Proof;
use crate::sync::Denial;

/// The subject of a rejection, as far as it is known, and its cause. The caller gets it with the rejection,
/// and knows whether the request is rejected or only observed. No response has it.
#[derive(Clone)]
pub(super) struct RejectionRecord {
    pub(super) resource: Option<ResourceId>,
    pub(super) email: Option<Email>,
    user_id: Option<UserId>,
    proof: Option<Proof>,
    session: Option<SessionKey>,
    pub(super) cause: Cause,
    /// None for a rejection that the audit log omits.
    pub(super) reason: Option<Box<str>>,
}

/// What the partner can do about a rejection before the gate is enforced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cause {
    /// The user is not on the list, which is what the gate is for.
    OffList,
    /// The resource has to be registered.
    UnknownResource,
    /// Heroku did not sign the email, and the policy requires it.
    Unsigned,
    Other,
}

impl RejectionRecord {
    pub(super) fn new(who: &Subject<'_>, cause: Cause, reason: &str) -> Self {
        Self {
            resource: who.resource.copied(),
            email: who.email.cloned(),
            user_id: who.user_id.cloned(),
            proof: who.proof,
            session: who.session.cloned(),
            cause,
            reason: Some(reason.into()),
        }
    }

    /// Of a form that was not accepted as a proof, so it is about no user.
    pub(super) fn of_form(cause: Cause, reason: &str) -> Self {
        Self::new(&Subject::default(), cause, reason)
    }

    /// Of a request with a session. Without a reason, the audit log omits it.
    pub(super) fn of_request(
        grant: &Grant,
        session: SessionKey,
        cause: Cause,
        reason: Option<&str>,
    ) -> Self {
        Self {
            reason: reason.map(Into::into),
            ..Self::new(&grant.subject(&session), cause, "")
        }
    }

    /// The same rejection with this record.
    pub(super) fn attach_to(self, mut rejection: Rejection) -> Rejection {
        rejection.record = Some(Box::new(self));
        rejection
    }

    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            resource: self.resource.as_ref(),
            email: self.email.as_ref(),
            user_id: self.user_id.as_ref(),
            proof: self.proof,
            session: self.session.as_ref(),
        }
    }
}

/// Records the rejection of a sign-in.
pub(super) fn audit_sign_in(log: &AuditLog, rejection: &Rejection, request: &RequestId) {
    if let Some((record, reason)) = audited(rejection) {
        let kind = AuditKind::SignInRejected;
        log.rejected(kind, &record.subject(), request, reason);
    }
}

/// Records the rejection of a request with a session.
pub(super) fn audit_request(log: &AuditLog, rejection: &Rejection, request: &RequestId) {
    if let Some((record, reason)) = audited(rejection) {
        let kind = AuditKind::RequestRejected;
        log.rejected(kind, &record.subject(), request, reason);
    }
}

fn audited(rejection: &Rejection) -> Option<(&RejectionRecord, &str)> {
    let record = rejection.record.as_deref()?;
    Some((record, record.reason.as_deref()?))
}

impl From<&Denial> for Cause {
    fn from(denial: &Denial) -> Self {
        match denial {
            Denial::NotListed | Denial::OtherAccount => Self::OffList,
            Denial::UnknownResource => Self::UnknownResource,
            _ => Self::Other,
        }
    }
}
