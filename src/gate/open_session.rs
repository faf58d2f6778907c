//! Opens a session for a verified sign-in: Heroku's form, a command-line sign-in, or the partner's own login.

use heroku_sso_store::{Email, ResourceId, UserId};

use super::RejectionKind;
use super::close_session::close_previous;
use super::debug_reason::DebugReasons;
use super::rejection::Rejection;
use super::rejection_record::{Cause, RejectionRecord};
use super::state::GateState;
use super::unavailable::sessions_unavailable;
use super::verify_sso_form::subject;
use crate::audit::{RequestId, Subject};
use crate::clock::Budget;
#[cfg(feature = "jwt")]
use crate::session::note_bearer;
use crate::session::{Credential, NewSession, SessionError};
use crate::sso::{Proof, SignedResource, VerifiedSso};
use crate::sync::{Admitted, Denial};

/// A sign-in whose proof has been verified.
#[derive(Clone, Copy)]
pub(super) struct VerifiedSignIn<'a> {
    pub(super) resource: &'a ResourceId,
    pub(super) email: &'a Email,
    pub(super) user_id: Option<&'a UserId>,
    pub(super) proof: Proof,
    /// The single-use form; none for an own login.
    pub(super) form: Option<&'a VerifiedSso>,
}

impl<'a> VerifiedSignIn<'a> {
    pub(super) fn from_form(resource: &'a ResourceId, form: &'a VerifiedSso) -> Self {
        Self {
            resource,
            email: &form.email,
            user_id: form.user_id.as_ref(),
            proof: form.proof,
            form: Some(form),
        }
    }

    fn subject(&self) -> Subject<'a> {
        Subject {
            resource: Some(self.resource),
            email: Some(self.email),
            user_id: self.user_id,
            proof: Some(self.proof),
            session: None,
        }
    }
}

/// How the client holds the session.
pub(super) enum SessionTransport<'a> {
    /// A cookie, which replaces the one that the browser sent.
    Cookie(Option<Credential<'a>>),
    #[cfg(feature = "jwt")]
    Bearer,
}

/// Why no session was opened. The form may still have been consumed if the store call timed out.
pub(super) enum NotOpened {
    Denied(Denial),
    /// The session store failed, or the token could not be signed.
    Sessions(SessionError),
    /// The form was used before or cannot be consumed now, or this gate issues no bearer tokens.
    Rejected(Box<Rejection>),
}

impl NotOpened {
    /// The response if no session was opened, which the caller records.
    pub(super) fn into_rejection(
        self,
        reasons: DebugReasons,
        proved: &VerifiedSignIn<'_>,
    ) -> Rejection {
        match self {
            Self::Denied(denial) => not_admitted(reasons, &proved.subject(), &denial),
            Self::Sessions(error) => sessions_unavailable(reasons, &error),
            Self::Rejected(rejection) => *rejection,
        }
    }
}

impl From<SessionError> for NotOpened {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::ResourceEnded => Self::Denied(Denial::Gone),
            error => Self::Sessions(error),
        }
    }
}

/// The resource that a form names.
pub(super) async fn resource_of(
    gate: &GateState,
    form: &VerifiedSso,
) -> Result<ResourceId, Rejection> {
    let known = match &form.resource {
        SignedResource::Resource(id) => return Ok(*id),
        SignedResource::Legacy(id) => gate.directory.lifecycle().find_legacy(id).await,
    };
    known.map_err(|error| not_admitted(gate.reasons, &subject(None, form), &Denial::from(error)))
}

/// Opens a session if the resource's list admits the user, and consumes the form. If the form cannot be
/// consumed, or this is dropped, the session is deleted again: no client gets it.
pub(super) async fn open_session(
    gate: &GateState,
    proved: VerifiedSignIn<'_>,
    transport: SessionTransport<'_>,
    request: &RequestId,
    budget: Budget,
) -> Result<(NewSession, Admitted), NotOpened> {
    let (resource, email) = (proved.resource, proved.email);
    let (user_id, left) = (proved.user_id, budget.left());
    let authorizer = gate.directory.authorizer();
    let admitted = authorizer.admit(resource, email, user_id, left);
    let admitted = admitted.await.map_err(NotOpened::Denied)?;
    let context_app = proved.form.and_then(|form| form.context_app.clone());
    let (mut opened, previous) = match transport {
        SessionTransport::Cookie(previous) => {
            let opened = gate.sessions.open(&admitted, proved.proof, context_app);
            (opened.await?, previous)
        }
        #[cfg(feature = "jwt")]
        SessionTransport::Bearer => {
            let opened = gate
                .sessions
                .open_bearer(&admitted, proved.proof, context_app);
            let opened = opened?;
            let rejection = || NotOpened::Rejected(Box::new(RejectionKind::InvalidSignIn.into()));
            (opened.ok_or_else(rejection)?, None)
        }
    };
    // Consume the form last: an earlier failure must leave it usable. The client does not know the
    // session yet.
    if let Some(form) = proved.form
        && let Err(rejection) = gate.forms.consume(form, resource).await
    {
        opened.discard().await;
        return Err(NotOpened::Rejected(Box::new(rejection)));
    }
    #[cfg(feature = "jwt")]
    note_bearer(&gate.sessions, &opened).await;
    if let Some(previous) = previous {
        close_previous(gate, &previous).await;
    }
    opened.hand_over();
    let key = opened.session.key();
    let who = opened.grant.subject(&key);
    gate.audit().signed_in(&who, request);
    Ok((opened, admitted))
}

fn not_admitted(reasons: DebugReasons, who: &Subject<'_>, denial: &Denial) -> Rejection {
    let rejection = match denial.retry_after() {
        Some(wait) => Rejection::cannot_check(wait),
        None => Rejection::new(RejectionKind::NotListed),
    };
    let reason = denial.reason();
    let record = RejectionRecord::new(who, Cause::from(denial), &reason);
    let rejection = record.attach_to(rejection);
    match denial {
        Denial::UnknownResource | Denial::Gone => {
            let reason = format!(
                "{reason}: provision it first, and again after each restart if the store is in \
                 memory"
            );
            reasons.add(rejection, &reason)
        }
        _ => reasons.add(rejection, &reason),
    }
}
