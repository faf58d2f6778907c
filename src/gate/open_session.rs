//! Opens a session for a verified sign-in: Heroku's form, a command-line sign-in, or the partner's own login.

#[cfg(feature = "jwt")]
use super::RefusalKind;
use super::refusal::Refusal;
use super::state::GateState;
use crate::access::Email;
use crate::audit;
use crate::clock::Budget;
use crate::ids::{ResourceId, UserId};
use crate::session::{Credential, NewSession, SessionError};
use crate::sso::{Proof, VerifiedSso};
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
    Rejected(Box<Refusal>),
}

impl GateState {
    pub(super) async fn open_session(
        &self,
        proved: VerifiedSignIn<'_>,
        carrier: SessionTransport<'_>,
        budget: Budget,
    ) -> Result<(NewSession, Admitted), NotOpened> {
        let (resource, email) = (proved.resource, proved.email);
        let (user_id, left) = (proved.user_id, budget.left());
        let admitted = self
            .directory
            .authorizer()
            .admit(resource, email, user_id, left);
        let admitted = admitted.await.map_err(|denial| {
            audit::sign_in_refused(Some(resource), Some(email), &denial.reason());
            NotOpened::Denied(denial)
        })?;
        let context_app = proved.form.and_then(|form| form.context_app.clone());
        let (opened, previous) = match carrier {
            SessionTransport::Cookie(previous) => {
                let opened = self.sessions.open(&admitted, proved.proof, context_app);
                (opened.await.map_err(NotOpened::Sessions)?, previous)
            }
            #[cfg(feature = "jwt")]
            SessionTransport::Bearer => {
                let opened = self
                    .sessions
                    .open_bearer(&admitted, proved.proof, context_app);
                let opened = opened.map_err(NotOpened::Sessions)?;
                let refusal = || NotOpened::Rejected(Box::new(RefusalKind::InvalidSignIn.into()));
                (opened.ok_or_else(refusal)?, None)
            }
        };
        // Consume the form last: an earlier failure must leave it usable. The client does not know the
        // session yet.
        if let Some(form) = proved.form
            && let Err(refusal) = self.use_up(resource, form).await
        {
            self.sessions.discard(&opened).await;
            return Err(NotOpened::Rejected(Box::new(refusal)));
        }
        self.close_previous(previous).await;
        audit::signed_in(resource, email, proved.proof);
        Ok((opened, admitted))
    }

    /// The response if no session was opened.
    pub(super) fn rejection_for(&self, why: NotOpened) -> Refusal {
        match why {
            NotOpened::Denied(denial) => self.not_admitted(&denial),
            NotOpened::Sessions(error) => self.unavailable(&error),
            NotOpened::Rejected(refusal) => *refusal,
        }
    }
}
