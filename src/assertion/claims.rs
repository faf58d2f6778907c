//! What an assertion says.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::access::{Email, Role};
use crate::gate::HerokuUser;
use crate::ids::{AppId, ResourceId, UserId};
use crate::jwt::Claims;
use crate::sso::Proof;

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct AssertionClaims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
    email: Email,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    resource_id: ResourceId,
    app: AppClaim,
    roles: Vec<Role>,
    proof: Proof,
}

#[derive(Debug, Deserialize, Serialize)]
struct AppClaim {
    id: AppId,
    name: String,
}

impl AssertionClaims {
    pub(super) fn of(
        user: &HerokuUser,
        (issuer, audience): (&str, &str),
        trusts_unsigned_email: bool,
        now: OffsetDateTime,
        expires_at: OffsetDateTime,
    ) -> Self {
        let user_id = user.user_id().cloned();
        let subject = user_id.as_ref().map(ToString::to_string);
        Self {
            iss: issuer.to_owned(),
            aud: audience.to_owned(),
            sub: subject.unwrap_or_else(|| user.email().to_string()),
            iat: now.unix_timestamp(),
            exp: expires_at.unix_timestamp(),
            email: user.email().clone(),
            user_id,
            resource_id: *user.resource(),
            app: AppClaim {
                id: user.app().id.clone(),
                name: user.app().name.to_string(),
            },
            roles: match user.proof() {
                Proof::UnsignedEmail if !trusts_unsigned_email => Vec::new(),
                _ => user.roles().iter().cloned().collect(),
            },
            proof: user.proof(),
        }
    }
}

impl Claims for AssertionClaims {
    const TYPE: &'static str = "heroku-assertion+jwt";

    fn issuer(&self) -> &str {
        &self.iss
    }
    fn audience(&self) -> &str {
        &self.aud
    }
    fn expires_at(&self) -> i64 {
        self.exp
    }
}

/// The person behind a request, as the gate in front asserts it.
///
/// In the extensions of every request that passes [`VerifyAssertion`](super::VerifyAssertion), and an
/// axum extractor. Cheap to clone.
#[derive(Clone)]
pub struct AssertedUser(Arc<AssertionClaims>);

impl AssertedUser {
    pub(super) fn new(claims: AssertionClaims) -> Self {
        Self(Arc::new(claims))
    }

    /// The email, in lower case.
    pub fn email(&self) -> &Email {
        &self.0.email
    }

    /// The Heroku account, if it is known.
    pub fn user_id(&self) -> Option<&UserId> {
        self.0.user_id.as_ref()
    }

    /// The resource whose dashboard this is.
    pub fn resource(&self) -> &ResourceId {
        &self.0.resource_id
    }

    /// The id of the app that owns the resource.
    pub fn app_id(&self) -> &AppId {
        &self.0.app.id
    }

    /// The name of the app that owns the resource.
    pub fn app_name(&self) -> &str {
        &self.0.app.name
    }

    /// The roles that the person had on the list when the assertion was made.
    pub fn roles(&self) -> &[Role] {
        &self.0.roles
    }

    /// Whether Heroku signed the email that this person signed in with. An
    /// [unsigned](Proof::UnsignedEmail) one comes without roles.
    pub fn proof(&self) -> Proof {
        self.0.proof
    }

    /// When the assertion ends: five minutes after it was made at most, and never later than the
    /// session.
    pub fn expires_at(&self) -> OffsetDateTime {
        let at = OffsetDateTime::from_unix_timestamp(self.0.exp);
        at.unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl fmt::Debug for AssertedUser {
    /// Without the email, so that a logged request names nobody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertedUser")
            .field("resource", self.resource())
            .field("roles", &self.roles())
            .field("proof", &self.proof())
            .finish_non_exhaustive()
    }
}
