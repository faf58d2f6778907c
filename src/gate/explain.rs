//! Why a request is refused, for whoever develops the app: which check failed, and what to look at.

use std::error::Error;
use std::fmt::Display;

use super::refusal::Refusal;
use super::state::GateState;
use crate::cause;
use crate::clock::{LogThrottle, SharedClock};
use crate::ids::ResourceId;
use crate::sso::{SsoError, SsoPolicy};

impl GateState {
    /// Adds what the check found, under [`Config::explain_refusals`](crate::Config::explain_refusals).
    /// Otherwise the refusal stays as it is: a stranger learns nothing of it.
    pub(super) fn with_debug_reason(&self, refusal: Refusal, why: &dyn Display) -> Refusal {
        match self.explains {
            true => refusal.with_reason(why.to_string()),
            false => refusal,
        }
    }

    pub(super) fn with_debug_error(&self, refusal: Refusal, error: &dyn Error) -> Refusal {
        self.with_debug_reason(refusal, &cause::with(error))
    }

    pub(super) fn with_missing_cookie(
        &self,
        refusal: Refusal,
        resource: Option<&ResourceId>,
    ) -> Refusal {
        let name = self.cookies.session_name(resource);
        self.with_debug_reason(
            refusal,
            &format_args!("no cookie `{name}` came with the request"),
        )
    }
}

/// Says once an hour that only the policy rejects a sign-in. The audit log, which says it each time, may
/// go elsewhere.
#[derive(Debug, Default)]
pub(crate) struct PolicyWarning(LogThrottle);

impl PolicyWarning {
    pub(super) fn give(&self, clock: &SharedClock, why: &str) {
        if self.0.is_due(clock) {
            tracing::warn!("sign-in rejected by the policy (logged once an hour): {why}");
        }
    }
}

/// Why a form is not valid, with what to look at.
pub(super) fn why_not_valid(error: &SsoError) -> String {
    match look_at(error) {
        Some(advice) => format!("{error}. {advice}"),
        None => error.to_string(),
    }
}

/// What is wrong most often, where that is not plain from the error. Nothing of the request is in
/// it, and nothing of what was expected.
fn look_at(error: &SsoError) -> Option<&'static str> {
    Some(match error {
        SsoError::TokenMismatch { .. } => {
            "Is HEROKU_SSO_SALT the `api.sso_salt` of this add-on's manifest, and was nothing in the \
             form changed on its way?"
        }
        SsoError::TimestampAhead { .. } | SsoError::TimestampStale { .. } => {
            "Is this machine's clock right, and is this the form that Heroku has just sent?"
        }
        SsoError::NoToken => "Did Heroku send this form?",
        // By name, for who reads the log and has no code at hand.
        SsoError::PolicyExcludes {
            needed: SsoPolicy::AllowUnsignedEmail,
            ..
        } => {
            "HEROKU_SSO_POLICY=allow-unsigned-email (`sso_policy`) accepts it, without roles: Heroku \
             vouches for no email in such a form, and its sender can write any"
        }
        SsoError::PolicyExcludes { .. } => {
            "HEROKU_SSO_POLICY=legacy (`sso_policy`) accepts it, without roles: Heroku vouches for no \
             email in such a form, and its sender can write any"
        }
        _ => return None,
    })
}
