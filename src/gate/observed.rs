//! What the gate says about a request that it only observes.

use std::fmt;

use heroku_sso_store::ResourceId;

use super::rejection_kind::RejectionKind;
use super::user::HerokuUser;

/// What the gate would have done with a request or a sign-in, under
/// [`Enforcement::Observe`](crate::Enforcement::Observe) and for the observed resources of
/// [`Enforcement::For`](crate::Enforcement::For). It is in the extensions of the request and of its response.
///
/// The request has passed in any case. There is no [`HerokuUser`] in the extensions then, so that no handler
/// takes an observation for a check.
#[derive(Clone)]
pub struct Observed {
    verdict: Verdict,
    resource: Option<ResourceId>,
    user: Option<HerokuUser>,
}

/// What the gate would have done.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// The request would have passed, or the sign-in would have opened a session.
    Allowed,
    /// It would have been rejected.
    Rejected(RejectionKind),
    /// No session, or one that has ended: a browser would have been led through Heroku, where the user's
    /// access is checked. A program would have got 401. Not a rejection.
    SignInNeeded(RejectionKind),
    /// The check took longer than one second or failed, or too many checks were running. It has an audit
    /// event without a reason.
    Undecided,
}

impl Verdict {
    /// `allowed`, `rejected`, `sign_in_needed` or `undecided`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Rejected(_) => "rejected",
            Self::SignInNeeded(_) => "sign_in_needed",
            Self::Undecided => "undecided",
        }
    }

    /// What an enforced gate answers; none if it would admit the request, or if that is not known.
    pub fn rejection(self) -> Option<RejectionKind> {
        match self {
            Self::Allowed | Self::Undecided => None,
            Self::Rejected(kind) | Self::SignInNeeded(kind) => Some(kind),
        }
    }
}

impl Observed {
    pub(super) fn new(verdict: Verdict, resource: Option<ResourceId>) -> Self {
        Self {
            verdict,
            resource,
            user: None,
        }
    }

    pub(super) fn allowed(user: HerokuUser) -> Self {
        Self {
            verdict: Verdict::Allowed,
            resource: Some(*user.resource()),
            user: Some(user),
        }
    }

    /// What the gate would have done.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The resource of the request, as far as the gate knows it.
    pub fn resource(&self) -> Option<&ResourceId> {
        self.resource.as_ref()
    }

    /// The user whom the gate would have admitted, for a comparison with your own login. None for a sign-in.
    pub fn user(&self) -> Option<&HerokuUser> {
        self.user.as_ref()
    }
}

impl fmt::Debug for Observed {
    /// Omits the email.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed")
            .field("verdict", &self.verdict)
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}
