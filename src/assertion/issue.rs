//! Making assertions.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::claims::AssertionClaims;
use crate::cause;
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::gate::HerokuUser;
use crate::jwt::{Codec, InvalidJwtKey, JwtKeys};

/// How long an assertion counts at most.
const LIFE: Duration = Duration::from_secs(5 * 60);

/// Makes the assertions of one gate. Cheap to clone. See the [module docs](crate::assertion).
#[derive(Clone, Debug)]
#[must_use = "a set-up does nothing until it is used"]
pub struct Assertions {
    codec: Arc<Codec>,
    public_jwks: Arc<str>,
    clock: SharedClock,
    trusts_unsigned_email: bool,
}

impl Assertions {
    /// `issuer` says who asserts (`iss`): your address, say. `audience` is the service that is meant
    /// (`aud`): one that expects another does not accept it.
    ///
    /// # Errors
    /// [`InvalidJwtKey::SecretNotAllowed`] for a key that is not ES256 or Ed25519.
    pub fn new(keys: JwtKeys, issuer: &str, audience: &str) -> Result<Self, InvalidJwtKey> {
        let keys = keys.asymmetric()?;
        Ok(Self {
            public_jwks: keys.public_jwks().into(),
            codec: Arc::new(Codec::new(keys, issuer, audience)),
            clock: Arc::new(SystemClock::default()),
            trusts_unsigned_email: false,
        })
    }

    /// The clock that the assertions' times are read from. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Also tells the roles of people whose email Heroku has not signed
    /// ([`Proof::UnsignedEmail`](crate::Proof::UnsignedEmail)). Without this their assertions have none,
    /// as role guards let none of them pass: whoever may change the form in their own browser could
    /// have written any listed address.
    pub fn trust_unsigned_email(mut self) -> Self {
        self.trusts_unsigned_email = true;
        self
    }

    /// The public keys as a JWK set (RFC 7517), for the route that `jwks()` is with the feature
    /// `axum`.
    pub fn public_jwks(&self) -> &str {
        &self.public_jwks
    }

    /// The header for a person who passed the gate; none if the key cannot sign, which is logged.
    pub(super) fn assert(&self, user: &HerokuUser) -> Option<HeaderValue> {
        let now = self.clock.now();
        let expires_at = (now + LIFE).min(user.session_expires_at());
        let names = (&*self.codec.issuer, &*self.codec.audience);
        let trusts = self.trusts_unsigned_email;
        let claims = AssertionClaims::of(user, names, trusts, now, expires_at);
        match self.codec.sign(&claims) {
            Ok(token) => {
                let mut value = HeaderValue::try_from(token).ok()?;
                value.set_sensitive(true);
                Some(value)
            }
            Err(error) => {
                tracing::error!(
                    %error, cause = cause::of(&error),
                    "an assertion could not be signed"
                );
                None
            }
        }
    }
}
