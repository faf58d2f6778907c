//! The gate's side: making assertions.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;

use crate::claims::{AssertionClaims, Identity};
use crate::jwt::codec::Codec;
use crate::jwt::{InvalidJwtKey, JwtKeys};

/// The maximum life of an assertion.
const LIFE: Duration = Duration::from_secs(5 * 60);

/// Signs assertions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Issuer {
    codec: Arc<Codec>,
    public_jwks: Arc<str>,
}

/// The key cannot sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the key cannot sign")]
#[non_exhaustive]
pub struct SigningFailed;

impl Issuer {
    /// `issuer` names the gate (`iss`), for example by its address. `audience` names the intended service
    /// (`aud`): a service that expects another audience rejects the assertion.
    ///
    /// # Errors
    /// [`InvalidJwtKey::SecretNotAllowed`] for a key that is not ES256 or Ed25519.
    pub fn new(keys: JwtKeys, issuer: &str, audience: &str) -> Result<Self, InvalidJwtKey> {
        let keys = keys.asymmetric()?;
        Ok(Self {
            public_jwks: keys.public_jwks().into(),
            codec: Arc::new(Codec::new(keys, issuer, audience)),
        })
    }

    /// The public keys as a JWK set (RFC 7517), to be served where the services behind the gate fetch it.
    pub fn public_jwks(&self) -> &str {
        &self.public_jwks
    }

    /// The value of the header, marked as sensitive. It is valid from `now` for five minutes, and at most
    /// until `session_ends`, in whole seconds.
    ///
    /// # Errors
    /// [`SigningFailed`] if the key cannot sign.
    pub fn sign(
        &self,
        identity: Identity,
        now: SystemTime,
        session_ends: SystemTime,
    ) -> Result<HeaderValue, SigningFailed> {
        let names = (&*self.codec.issuer, &*self.codec.audience);
        let expires_at = unix_timestamp((now + LIFE).min(session_ends));
        let claims = AssertionClaims::of(identity, names, unix_timestamp(now), expires_at);
        let token = self.codec.sign(&claims).map_err(|_| SigningFailed)?;
        let mut value = HeaderValue::try_from(token).map_err(|_| SigningFailed)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn unix_timestamp(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().try_into().unwrap_or(i64::MAX))
}
