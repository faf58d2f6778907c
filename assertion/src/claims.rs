//! The claims of an assertion.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::jwt::codec::Claims;

/// How the user's identity was proved.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Proof {
    /// Heroku signed the email.
    SignedEmail,
    /// Heroku signed the resource and the time only: the browser that sent the form could have written any
    /// address into it.
    UnsignedEmail,
    /// The add-on's own login.
    OwnLogin,
}

/// The user and the resource of an assertion, for [`Issuer::sign`](crate::Issuer::sign).
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "an issuer must set every field: a new claim breaks its code on purpose"
)]
pub struct Identity {
    /// The email, in lower case.
    pub email: String,
    /// The Heroku account, if it is known.
    pub user_id: Option<String>,
    /// The resource whose dashboard this is.
    pub resource_id: Uuid,
    /// The id of the app that owns the resource.
    pub app_id: String,
    /// That app's name.
    pub app_name: String,
    /// The user's roles, as Heroku names them.
    pub roles: Vec<String>,
    /// How the user's identity was proved.
    pub proof: Proof,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct AssertionClaims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    resource_id: Uuid,
    app: AppClaim,
    roles: Vec<String>,
    proof: Proof,
}

#[derive(Debug, Deserialize, Serialize)]
struct AppClaim {
    id: String,
    name: String,
}

impl AssertionClaims {
    pub(crate) fn of(
        identity: Identity,
        (issuer, audience): (&str, &str),
        issued_at: i64,
        expires_at: i64,
    ) -> Self {
        let subject = identity.user_id.as_ref().unwrap_or(&identity.email);
        Self {
            iss: issuer.to_owned(),
            aud: audience.to_owned(),
            sub: subject.clone(),
            iat: issued_at,
            exp: expires_at,
            nbf: None,
            email: identity.email,
            user_id: identity.user_id,
            resource_id: identity.resource_id,
            app: AppClaim {
                id: identity.app_id,
                name: identity.app_name,
            },
            roles: identity.roles,
            proof: identity.proof,
        }
    }
}

impl Claims for AssertionClaims {
    const TYPE: &'static str = "heroku-assertion+jwt";
    const LEEWAY: i64 = 5;

    fn issuer(&self) -> &str {
        &self.iss
    }
    fn audience(&self) -> &str {
        &self.aud
    }
    fn expires_at(&self) -> i64 {
        self.exp
    }
    fn not_before(&self) -> Option<i64> {
        self.nbf
    }
}

/// The user of a request, as the gate in front asserts it.
///
/// In the extensions of every request that passes [`VerifyAssertion`](crate::VerifyAssertion), and an
/// axum extractor (feature `axum`). Cheap to clone.
#[derive(Clone)]
pub struct AssertedUser(Arc<AssertionClaims>);

impl AssertedUser {
    pub(crate) fn new(claims: AssertionClaims) -> Self {
        Self(Arc::new(claims))
    }

    /// The email, in lower case.
    pub fn email(&self) -> &str {
        &self.0.email
    }

    /// The Heroku account, if it is known.
    pub fn user_id(&self) -> Option<&str> {
        self.0.user_id.as_deref()
    }

    /// The resource whose dashboard this is.
    pub fn resource_id(&self) -> Uuid {
        self.0.resource_id
    }

    /// The id of the app that owns the resource.
    pub fn app_id(&self) -> &str {
        &self.0.app.id
    }

    /// The name of the app that owns the resource.
    pub fn app_name(&self) -> &str {
        &self.0.app.name
    }

    /// The user's roles on the list when the assertion was made, as Heroku names them:
    /// `owner`, `admin`, `member`, `viewer`, `collaborator`, and any that Heroku may add.
    pub fn roles(&self) -> &[String] {
        &self.0.roles
    }

    /// Whether the user had this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.0.roles.iter().any(|known| known == role)
    }

    /// How the user's identity was proved. With an [unsigned email](Proof::UnsignedEmail) there are no roles
    /// and no account, unless the gate was configured to assert them.
    pub fn proof(&self) -> Proof {
        self.0.proof
    }

    /// When the assertion expires: at most five minutes after it was made, and never later than the
    /// session.
    pub fn expires_at(&self) -> SystemTime {
        let seconds = self.0.exp.try_into().unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }
}

impl fmt::Debug for AssertedUser {
    /// Without the email, so that a logged request identifies no user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertedUser")
            .field("resource_id", &self.resource_id())
            .field("roles", &self.roles())
            .field("proof", &self.proof())
            .finish_non_exhaustive()
    }
}
