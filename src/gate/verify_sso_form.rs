//! Verifies the forms of Heroku's SSO, and accepts each form once.

use std::sync::Arc;

use heroku_sso_store::ResourceId;

use super::RejectionKind;
use super::debug_reason::{DebugReasons, why_not_valid};
use super::rejection::Rejection;
use super::rejection_record::{Cause, RejectionRecord};
use super::unavailable::RETRY_AFTER;
use super::used_forms::{Form, Turn, UsedForms};
use crate::audit::Subject;
use crate::clock::{LogThrottle, Reading, SharedClock};
use crate::config::{Config, Manifest};
use crate::error_chain;
use crate::sso::{Proof, SignedResource, SsoError, SsoPolicy, SsoRequest, VerifiedSso, Verifier};
use crate::store::{BoundedStore, StoreError};
use crate::sync::Directory;

/// Verifies forms, and knows which were used. Each rejection has the record that its caller writes to the
/// audit log.
#[derive(Debug)]
pub(crate) struct SsoForms {
    verifier: Verifier,
    used_forms: UsedForms,
    store: Arc<BoundedStore>,
    clock: SharedClock,
    reasons: DebugReasons,
    policy_warning: LogThrottle,
}

/// A form that cannot be accepted because of its use: it was used before, or that is unknown.
pub(super) struct NotUsable {
    /// The resource, where the form or its first use names it.
    pub(super) resource: Option<ResourceId>,
    pub(super) rejection: Rejection,
}

impl SsoForms {
    pub(super) fn new(
        config: &Config,
        manifest: &Manifest,
        directory: &Directory,
        reasons: DebugReasons,
    ) -> Self {
        let verifier = Verifier::new(manifest.sso_salts.iter().cloned())
            .policy(config.sso_policy)
            .max_age(config.sso_max_age)
            .max_skew(config.sso_max_skew);
        Self {
            verifier,
            used_forms: UsedForms::new(config.sso_max_age + config.sso_max_skew),
            store: Arc::clone(directory.store()),
            clock: Arc::clone(directory.clock()),
            reasons,
            policy_warning: LogThrottle::default(),
        }
    }

    /// True if forms of the legacy policy are accepted.
    pub(crate) fn accept_legacy(&self) -> bool {
        self.verifier.uses(SsoPolicy::Legacy)
    }

    /// The form, if Heroku signed it, recently, with a token that the policy accepts.
    pub(super) fn verify(&self, form: &SsoRequest) -> Result<VerifiedSso, Rejection> {
        self.verifier
            .verify(form, self.clock.now())
            .map_err(|error| {
                let kind = match error {
                    SsoError::TimestampAhead { .. } | SsoError::TimestampStale { .. } => {
                        RejectionKind::StaleSignIn
                    }
                    _ => RejectionKind::InvalidSignIn,
                };
                let why = why_not_valid(&error);
                match error {
                    SsoError::PolicyExcludes { .. } => {
                        self.warn_of_policy(&why);
                        self.reject_for(kind, Cause::Unsigned, &why)
                    }
                    _ => self.reject(kind, &why),
                }
            })
    }

    /// Takes the form's turn, and checks that it was not used before. This comes first, so that nothing is
    /// created for a used form. It waits while another sign-in has the same form: the caller bounds the wait.
    pub(super) async fn begin_use(&self, form: &VerifiedSso) -> Result<Turn<'_>, NotUsable> {
        let key = form.replay_key();
        let turn = self.used_forms.turn(key).await;
        let now = Reading::of(&self.clock);
        let resource = match form.resource {
            SignedResource::Resource(id) => Some(id),
            SignedResource::Legacy(_) => None,
        };
        match self.used_forms.look_up(key, &self.store, now).await {
            Ok(Form::Unused) => Ok(turn),
            Ok(Form::Used(known)) => {
                let resource = resource.or(known);
                let rejection = self.used_before(resource.as_ref(), form);
                Err(NotUsable {
                    resource,
                    rejection,
                })
            }
            Err(error) => Err(NotUsable {
                resource: None,
                rejection: self.use_is_unknown(resource.as_ref(), form, &error),
            }),
        }
    }

    /// Consumes the form. If the store fails, the sign-in is rejected; whether the form was consumed is then
    /// unknown.
    pub(super) async fn consume(
        &self,
        form: &VerifiedSso,
        resource: &ResourceId,
    ) -> Result<(), Rejection> {
        let now = Reading::of(&self.clock);
        let until = self.verifier.remember_until(form.issued_at);
        let consumed = self
            .used_forms
            .consume(form, resource, &self.store, until, now);
        match consumed.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.used_before(Some(resource), form)),
            Err(error) => Err(self.use_is_unknown(Some(resource), form, &error)),
        }
    }

    /// The rejection of a request that contains no form, or a malformed one.
    pub(super) fn malformed(&self, error: &SsoError) -> Rejection {
        self.reject(RejectionKind::InvalidSignIn, &why_not_valid(error))
    }

    pub(super) fn reject(&self, kind: RejectionKind, why: &str) -> Rejection {
        self.reject_for(kind, Cause::Other, why)
    }

    fn reject_for(&self, kind: RejectionKind, cause: Cause, why: &str) -> Rejection {
        let record = RejectionRecord::of_form(cause, why);
        self.reasons
            .add(record.attach_to(Rejection::new(kind)), &why)
    }

    /// The rejection of a form by GET, which only the legacy policy accepts; none if Heroku did not sign it.
    pub(super) fn reject_get(&self, form: &SsoRequest) -> Option<Rejection> {
        let cause = match self.verifier.proof(form, self.clock.now())? {
            Proof::UnsignedEmail => Cause::Unsigned,
            Proof::SignedEmail | Proof::OwnLogin => Cause::Other,
        };
        let why = "a form by GET is accepted only under HEROKU_SSO_POLICY=legacy (`sso_policy`)";
        self.warn_of_policy(why);
        let record = RejectionRecord::of_form(cause, why);
        Some(record.attach_to(Rejection::method_not_allowed("POST")))
    }

    /// Logs once an hour that only the policy rejects a sign-in. The audit log reports it each time, but may
    /// be sent elsewhere.
    fn warn_of_policy(&self, why: &str) {
        if self.policy_warning.is_due(&self.clock) {
            tracing::warn!("sign-in rejected by the policy (logged once an hour): {why}");
        }
    }

    fn used_before(&self, resource: Option<&ResourceId>, form: &VerifiedSso) -> Rejection {
        let why = "the form was used before";
        let record = RejectionRecord::new(&subject(resource, form), Cause::Other, why);
        let rejection = Rejection::new(RejectionKind::UsedSignIn);
        self.reasons.add(record.attach_to(rejection), &why)
    }

    fn use_is_unknown(
        &self,
        resource: Option<&ResourceId>,
        form: &VerifiedSso,
        error: &StoreError,
    ) -> Rejection {
        let (who, why) = (subject(resource, form), error_chain::with(error));
        let record = RejectionRecord::new(&who, Cause::Other, &why);
        let rejection = Rejection::cannot_check(RETRY_AFTER);
        self.reasons.add_error(record.attach_to(rejection), error)
    }
}

/// The subject of a verified form. A legacy form does not name its resource.
pub(super) fn subject<'a>(resource: Option<&'a ResourceId>, form: &'a VerifiedSso) -> Subject<'a> {
    Subject {
        resource,
        email: Some(&form.email),
        user_id: form.user_id.as_ref(),
        proof: Some(form.proof),
        session: None,
    }
}
