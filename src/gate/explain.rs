//! Explains a refusal to the app's developer: which check failed, and what to look at.

use std::error::Error;
use std::fmt::Display;

use super::refusal::Refusal;
use super::state::GateState;
use crate::cause;
use crate::clock::{LogThrottle, SharedClock};
use crate::ids::ResourceId;
use crate::sso::{SsoError, SsoPolicy};

impl GateState {
    /// Adds the result of the check, under [`Config::explain_refusals`](crate::Config::explain_refusals).
    /// Otherwise the refusal is unchanged, and an unauthenticated client learns nothing from it.
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

/// Logs once an hour that only the policy rejects a sign-in. The audit log reports it each time, but may be
/// sent elsewhere.
#[derive(Debug, Default)]
pub(crate) struct PolicyWarning(LogThrottle);

impl PolicyWarning {
    pub(super) fn give(&self, clock: &SharedClock, why: &str) {
        if self.0.is_due(clock) {
            tracing::warn!("sign-in rejected by the policy (logged once an hour): {why}");
        }
    }
}

/// Why a form is invalid, with what to look at.
pub(super) fn why_not_valid(error: &SsoError) -> String {
    match look_at(error) {
        Some(advice) => format!("{error}. {advice}"),
        None => error.to_string(),
    }
}

/// The most frequent mistake, where the error does not make it plain. It contains nothing of the request and
/// nothing of the expected values.
fn look_at(error: &SsoError) -> Option<&'static str> {
    Some(match error {
        SsoError::TokenMismatch { .. } => {
            "Is HEROKU_SSO_SALT the `api.sso_salt` of this add-on's manifest, and did the form \
             arrive unchanged?"
        }
        SsoError::TimestampAhead { .. } | SsoError::TimestampStale { .. } => {
            "Is this machine's clock right, and is this the form that Heroku has just sent?"
        }
        SsoError::NoToken => "Did Heroku send this form?",
        // Named in full for a reader of the log who does not have the code at hand.
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
