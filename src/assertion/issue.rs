//! Making assertions.

use std::sync::Arc;

use heroku_sso_assertion::{Identity, Issuer, Proof as AssertedProof};
use http::HeaderValue;

use super::layer::AssertLayer;
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::error_chain;
use crate::gate::HerokuUser;
use crate::jwt::{InvalidJwtKey, JwtKeys};
use crate::sso::Proof;

/// Makes the assertions of one gate. Cheap to clone. See the [module docs](crate::assertion).
#[derive(Clone, Debug)]
#[must_use = "assertions are made only by the layer from `layer()`"]
pub struct Assertions {
    issuer: Issuer,
    clock: SharedClock,
    trusts_unsigned_email: bool,
}

impl Assertions {
    /// `issuer` names the gate (`iss`), for example by your address. `audience` names the intended service
    /// (`aud`): a service that expects another audience rejects the assertion.
    ///
    /// # Errors
    /// [`InvalidJwtKey::SecretNotAllowed`] for a key that is not ES256 or Ed25519.
    pub fn new(keys: JwtKeys, issuer: &str, audience: &str) -> Result<Self, InvalidJwtKey> {
        Ok(Self {
            issuer: Issuer::new(keys, issuer, audience)?,
            clock: Arc::new(SystemClock::default()),
            trusts_unsigned_email: false,
        })
    }

    /// The clock for the assertions' times. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Also asserts the roles and the account of users whose email Heroku has not signed
    /// ([`Proof::UnsignedEmail`](crate::Proof::UnsignedEmail)). Without this their assertions have
    /// neither, and `sub` is the email. A user who can change the form in their own browser could have
    /// written any listed address.
    pub fn trust_unsigned_email(mut self) -> Self {
        self.trusts_unsigned_email = true;
        self
    }

    /// The layer that adds the header; apply it inside the gate.
    pub fn layer(&self) -> AssertLayer {
        AssertLayer(self.clone())
    }

    /// The public keys as a JWK set (RFC 7517), for your own route; with the feature `axum`, `jwks()` is such
    /// a route.
    pub fn public_jwks(&self) -> &str {
        self.issuer.public_jwks()
    }

    /// The header for an admitted user; none if the key cannot sign, which is logged.
    pub(super) fn assert(&self, user: &HerokuUser) -> Option<HeaderValue> {
        let trusting = self
            .trusts_unsigned_email
            .then(|| user.clone().trust_unsigned_email());
        let user = trusting.as_ref().unwrap_or(user);
        let ends = user.session_expires_at().into();
        let signed = self
            .issuer
            .sign(identity_of(user), self.clock.now().into(), ends);
        match signed {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::error!(
                    %error, cause = error_chain::of(&error),
                    "assertion not signed: request forwarded without it"
                );
                None
            }
        }
    }
}

fn identity_of(user: &HerokuUser) -> Identity {
    Identity {
        email: user.email().to_string(),
        user_id: user.user_id().map(|id| id.to_string()),
        resource_id: user.resource().as_uuid(),
        app_id: user.app().id.to_string(),
        app_name: user.app().name.to_string(),
        roles: user.roles().iter().map(ToString::to_string).collect(),
        proof: match user.proof() {
            Proof::SignedEmail => AssertedProof::SignedEmail,
            Proof::UnsignedEmail => AssertedProof::UnsignedEmail,
            Proof::OwnLogin => AssertedProof::OwnLogin,
        },
    }
}
