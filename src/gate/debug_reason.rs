//! Explains a rejection to the app's developer: which check failed, and what to look at.

use std::error::Error;
use std::fmt::Display;

use super::rejection::Rejection;
use crate::error_chain;
use crate::sso::{SsoError, SsoPolicy};

/// Whether rejections say which check failed:
/// [`development`](crate::HerokuSsoBuilder::development).
#[derive(Clone, Copy, Debug)]
pub(super) struct DebugReasons {
    are_shown: bool,
}

impl DebugReasons {
    pub(super) fn shown(are_shown: bool) -> Self {
        Self { are_shown }
    }

    /// Adds the result of the check, if reasons are shown. Otherwise the rejection is unchanged, and an
    /// unauthenticated client learns nothing from it.
    pub(super) fn add(self, rejection: Rejection, why: &dyn Display) -> Rejection {
        match self.are_shown {
            true => rejection.with_reason(why.to_string()),
            false => rejection,
        }
    }

    pub(super) fn add_error(self, rejection: Rejection, error: &dyn Error) -> Rejection {
        self.add(rejection, &error_chain::with(error))
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
