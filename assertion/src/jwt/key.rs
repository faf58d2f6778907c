//! One key.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The minimum length of an HS256 secret: the length of its digest (RFC 7518, section 3.2).
const MIN_SECRET: usize = 32;

/// A key that signs tokens. Its name (`kid`) is derived from the key itself, so that two keys never share
/// one.
///
/// Has no `PartialEq`, and `Debug` prints its name only.
#[derive(Clone)]
pub struct JwtKey {
    pub(super) id: String,
    pub(super) signs: EncodingKey,
    pub(super) verifies: VerifyingKey,
    /// None for a secret key.
    pub(super) public: Option<Jwk>,
}

/// The key that checks a signature, and the only algorithm that it checks.
#[derive(Clone)]
pub(crate) struct VerifyingKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// Why a key is invalid. The input itself is not stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJwtKey {
    /// Not a private key of the requested kind in PKCS#8, in PEM.
    #[error("expected a private key of the right kind in PKCS#8 (`-----BEGIN PRIVATE KEY-----`)")]
    NotAPrivateKey,
    /// The text is not the base64 of at least 32 bytes, or is one byte repeated.
    #[error("expected at least 32 bytes in base64: `head -c 32 /dev/urandom | base64` prints some")]
    NotASecret,
    /// HS256 is for session cookies only: a service that can check such a token could also make one.
    #[error("a secret key (HS256) is for session cookies only; use ES256 or Ed25519")]
    SecretNotAllowed,
}

impl JwtKey {
    /// A secret for HS256, for session cookies only: at least 32 random bytes in base64, as
    /// `head -c 32 /dev/urandom | base64` prints them.
    ///
    /// # Errors
    /// [`InvalidJwtKey::NotASecret`] if it is not base64, is shorter, or is one byte repeated.
    pub fn hs256_base64(text: &str) -> Result<Self, InvalidJwtKey> {
        let decoded = STANDARD.decode(text.trim());
        let secret = Zeroizing::new(decoded.map_err(|_| InvalidJwtKey::NotASecret)?);
        if secret.len() < MIN_SECRET || secret.iter().all(|byte| *byte == secret[0]) {
            return Err(InvalidJwtKey::NotASecret);
        }
        let hash = Sha256::new()
            .chain_update(b"tower-heroku-sso jwt key id")
            .chain_update(&*secret)
            .finalize();
        Ok(Self {
            id: URL_SAFE_NO_PAD.encode(&hash[..12]),
            signs: EncodingKey::from_secret(&secret).map_err(|_| InvalidJwtKey::NotASecret)?,
            verifies: VerifyingKey {
                algorithm: Algorithm::HS256,
                key: DecodingKey::from_secret(&secret).map_err(|_| InvalidJwtKey::NotASecret)?,
            },
            public: None,
        })
    }

    /// A P-256 key for ES256, as `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`
    /// prints it.
    ///
    /// # Errors
    /// [`InvalidJwtKey::NotAPrivateKey`] if it is not such a key.
    pub fn es256_pem(pem: &str) -> Result<Self, InvalidJwtKey> {
        let key = EncodingKey::from_ec_pem(pem.as_bytes());
        Self::asymmetric(key, Algorithm::ES256)
    }

    /// An Ed25519 key for EdDSA, as `openssl genpkey -algorithm ed25519` prints it.
    ///
    /// # Errors
    /// [`InvalidJwtKey::NotAPrivateKey`] if it is not such a key.
    pub fn ed25519_pem(pem: &str) -> Result<Self, InvalidJwtKey> {
        let key = EncodingKey::from_ed_pem(pem.as_bytes());
        Self::asymmetric(key, Algorithm::EdDSA)
    }

    /// The key's name: a hash of it, for asymmetric keys the thumbprint of RFC 7638.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn asymmetric(
        key: jsonwebtoken::errors::Result<EncodingKey>,
        algorithm: Algorithm,
    ) -> Result<Self, InvalidJwtKey> {
        use_aws_lc();
        let read = || {
            let signs = key?;
            let mut public = Jwk::from_encoding_key(&signs, algorithm)?;
            let id = public.thumbprint(ThumbprintHash::SHA256)?;
            public.common.key_id = Some(id.clone());
            public.common.public_key_use = Some(PublicKeyUse::Signature);
            Ok(Self {
                id,
                signs,
                verifies: VerifyingKey {
                    algorithm,
                    key: DecodingKey::from_jwk(&public)?,
                },
                public: Some(public),
            })
        };
        read().map_err(|_: jsonwebtoken::errors::Error| InvalidJwtKey::NotAPrivateKey)
    }
}

impl VerifyingKey {
    /// A public key, if this crate supports its kind.
    pub(super) fn of(public: &Jwk) -> Option<(String, Self)> {
        use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve};

        use_aws_lc();
        let algorithm = match &public.algorithm {
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                Algorithm::EdDSA
            }
            _ => return None,
        };
        let id = public.common.key_id.clone()?;
        let key = DecodingKey::from_jwk(public).ok()?;
        Some((id, Self { algorithm, key }))
    }
}

/// Another part of the program may have enabled jsonwebtoken's other backend too; the library then requires
/// an explicit choice. An earlier choice by the program stays.
pub(super) fn use_aws_lc() {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwtKey({})", self.id)
    }
}
