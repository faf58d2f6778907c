//! What a verified form says: the resource, the user, and how the user was proved.

use heroku_sso_store::{Email, LegacyId, ResourceId, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::ReplayKey;

/// How the user's identity was proved.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Proof {
    /// The token covers the user id and the email.
    SignedEmail,
    /// The token (SHA-1) covers the resource and the time only: it proves that Heroku made the form for some
    /// user of the resource. The browser could have written any email, so the user is claimed, not proved.
    /// [`HerokuUser`](crate::HerokuUser) therefore has no roles, no permissions and no account, unless
    /// [`trust_unsigned_email`](crate::HerokuUser::trust_unsigned_email) is called.
    UnsignedEmail,
    /// No SSO request: the partner vouches for the user
    /// ([`Sessions::admit`](crate::Sessions::admit)).
    OwnLogin,
}

impl Proof {
    /// The name, as in `/whoami` and in audit events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedEmail => "signed_email",
            Self::UnsignedEmail => "unsigned_email",
            Self::OwnLogin => "own_login",
        }
    }
}

/// The resource that the token names.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SignedResource {
    /// By the current resource id.
    Resource(ResourceId),
    /// By the provider's own id, under [`SsoPolicy::Legacy`](super::SsoPolicy::Legacy).
    Legacy(LegacyId),
}

/// An SSO request that passed verification. Only [`Verifier::verify`](super::Verifier::verify) makes one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifiedSso {
    /// The requested resource.
    pub resource: SignedResource,
    /// The email in the request: signed or not, see `proof`.
    pub email: Email,
    /// The account in the request, if it was sent: signed or not, see `proof`.
    pub user_id: Option<UserId>,
    /// Whether the token covers `email` and `user_id`.
    pub proof: Proof,
    /// When Heroku made the request.
    pub issued_at: OffsetDateTime,
    /// Name of the app through whose attachment the user came, if it is a valid app name. Never
    /// signed.
    pub context_app: Option<String>,
    /// `nav-data`, for a header bar that Heroku has withdrawn. Never signed.
    pub nav_data: Option<String>,
    pub(super) replay: ReplayKey,
    pub(super) weaker: Vec<ReplayKey>,
}

impl VerifiedSso {
    /// The key that must be unused for this sign-in to be accepted.
    pub fn replay_key(&self) -> &ReplayKey {
        &self.replay
    }

    /// Keys of the weaker tokens in the same form. They are consumed with it, so that the
    /// form cannot be sent again without its strong token.
    pub fn weaker_replay_keys(&self) -> &[ReplayKey] {
        &self.weaker
    }
}
