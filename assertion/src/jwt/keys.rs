//! The keys of one use: the first signs, all verify.

use std::collections::HashMap;
use std::fmt;

use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;

use super::key::{InvalidJwtKey, JwtKey, VerifyingKey};

/// The keys of one use: the first signs, all verify.
///
/// To change the key:
/// 1. Start all processes with the old key first and the new key added, so that all processes know both.
/// 2. Start all processes with the new key first.
/// 3. When all tokens that the old key has signed have expired, start all processes without it.
#[derive(Clone, Debug)]
pub struct JwtKeys {
    first: JwtKey,
    others: Vec<JwtKey>,
}

impl JwtKeys {
    /// Signs and verifies with this key.
    pub fn new(key: JwtKey) -> Self {
        Self {
            first: key,
            others: Vec::new(),
        }
    }

    /// Also verifies tokens that this key has signed.
    pub fn with_previous_key(mut self, key: JwtKey) -> Self {
        self.others.push(key);
        self
    }

    /// The public keys as a JWK set (RFC 7517), without secret keys.
    pub fn public_jwks(&self) -> String {
        let keys = self.all().filter_map(|key| key.public.clone()).collect();
        serde_json::to_string(&JwkSet { keys }).unwrap_or_default()
    }

    pub(super) fn first(&self) -> &JwtKey {
        &self.first
    }

    /// The keys, if none of them is a secret, as required when others verify the tokens.
    ///
    /// # Errors
    /// [`InvalidJwtKey::SecretNotAllowed`] for a key that is not ES256 or Ed25519.
    pub fn asymmetric(self) -> Result<Self, InvalidJwtKey> {
        let has_secret = self.all().any(|key| key.public.is_none());
        match has_secret {
            true => Err(InvalidJwtKey::SecretNotAllowed),
            false => Ok(self),
        }
    }

    pub(crate) fn verifying(&self) -> PublicKeys {
        let keys = self.all();
        PublicKeys(
            keys.map(|key| (key.id.clone(), key.verifies.clone()))
                .collect(),
        )
    }

    fn all(&self) -> impl Iterator<Item = &JwtKey> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// The verification keys, by name.
#[derive(Clone, Default)]
pub struct PublicKeys(HashMap<String, VerifyingKey>);

impl PublicKeys {
    /// The keys of a JWK set that this crate can use. Other keys are ignored, also malformed ones
    /// (RFC 7517, section 5).
    ///
    /// # Errors
    /// If the text is not a valid JWK set.
    pub(crate) fn from_jwks(json: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct AnySet {
            keys: Vec<serde_json::Value>,
        }

        let set: AnySet = serde_json::from_slice(json)?;
        let keys = set.keys.into_iter().filter_map(|key| {
            let key = serde_json::from_value(key).ok()?;
            VerifyingKey::of(&key)
        });
        Ok(Self(keys.collect()))
    }

    pub(crate) fn knows(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    pub(super) fn get(&self, id: &str) -> Option<&VerifyingKey> {
        self.0.get(id)
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
