//! From a proof to a session: the one way, for Heroku's form, for the answer that a program brings, and for
//! the partner's own login.

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

/// What a sign-in has proved.
#[derive(Clone, Copy)]
pub(super) struct Proved<'a> {
    pub(super) resource: &'a ResourceId,
    pub(super) email: &'a Email,
    pub(super) user_id: Option<&'a UserId>,
    pub(super) proof: Proof,
    /// Heroku's form, which counts once; none of an own login.
    pub(super) form: Option<&'a VerifiedSso>,
}

impl<'a> Proved<'a> {
    pub(super) fn by_form(resource: &'a ResourceId, form: &'a VerifiedSso) -> Self {
        Self {
            resource,
            email: &form.email,
            user_id: form.user_id.as_ref(),
            proof: form.proof,
            form: Some(form),
        }
    }
}

/// What the session is to be known by.
pub(super) enum Carrier<'a> {
    /// A cookie, in place of the one that the browser came with.
    Cookie(Option<Credential<'a>>),
    #[cfg(feature = "jwt")]
    Bearer,
}

/// Why there is no session. Nothing has changed then.
pub(super) enum NotOpened {
    Denied(Denial),
    /// The session store, or the key.
    Sessions(SessionError),
    /// The form was used before, or cannot be used now.
    Form(Box<Refusal>),
}

impl GateState {
    pub(super) async fn open_session(
        &self,
        proved: Proved<'_>,
        carrier: Carrier<'_>,
        budget: Budget,
    ) -> Result<(NewSession, Admitted), NotOpened> {
        let (resource, email) = (proved.resource, proved.email);
        let (user_id, left) = (proved.user_id, budget.left());
        let admitted = self.directory.admit(resource, email, user_id, left);
        let admitted = admitted.await.map_err(|denial| {
            audit::sign_in_refused(Some(resource), Some(email), &denial.reason());
            NotOpened::Denied(denial)
        })?;
        let context_app = proved.form.and_then(|form| form.context_app.clone());
        let (opened, previous) = match carrier {
            Carrier::Cookie(previous) => {
                let opened = self.sessions.open(&admitted, proved.proof, context_app);
                (opened.await.map_err(NotOpened::Sessions)?, previous)
            }
            #[cfg(feature = "jwt")]
            Carrier::Bearer => {
                let opened = self
                    .sessions
                    .open_bearer(&admitted, proved.proof, context_app);
                let opened = opened.map_err(NotOpened::Sessions)?;
                let refusal = || NotOpened::Form(Box::new(RefusalKind::InvalidSignIn.into()));
                (opened.ok_or_else(refusal)?, None)
            }
        };
        // Last, so that whatever goes wrong before does not cost the customer the form. Nobody has heard
        // of the session yet.
        if let Some(form) = proved.form
            && let Err(refusal) = self.use_up(resource, form).await
        {
            self.sessions.discard(&opened).await;
            return Err(NotOpened::Form(Box::new(refusal)));
        }
        self.close_previous(previous).await;
        audit::signed_in(resource, email, proved.proof);
        Ok((opened, admitted))
    }

    /// The answer where no session was opened.
    pub(super) fn not_opened(&self, why: NotOpened) -> Refusal {
        match why {
            NotOpened::Denied(denial) => self.not_admitted(&denial),
            NotOpened::Sessions(error) => self.unavailable(&error),
            NotOpened::Form(refusal) => *refusal,
        }
    }
}
