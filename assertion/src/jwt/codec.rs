//! Encoding and verification of tokens.

use super::keys::JwtKeys;
pub use super::keys::PublicKeys;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Header, Validation, decode, decode_header, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The maximum length of our tokens, in bytes; a longer one would not fit into a cookie.
const MAX_TOKEN: usize = 4096;

/// The claims of one use.
pub trait Claims: Serialize + DeserializeOwned {
    /// `typ` in the header.
    const TYPE: &'static str;
    /// The accepted clock difference, in seconds, between the verifier and the issuer.
    const LEEWAY: i64;

    /// `iss`.
    fn issuer(&self) -> &str;
    /// `aud`.
    fn audience(&self) -> &str;
    /// `exp`, in seconds.
    fn expires_at(&self) -> i64;
    /// `nbf`, in seconds. This crate never sets it, but another program may use the same key.
    fn not_before(&self) -> Option<i64>;
}

/// Makes and reads the tokens of one use.
#[derive(Clone, Debug)]
pub struct Codec {
    keys: JwtKeys,
    verifying: PublicKeys,
    /// `iss` of all its tokens.
    pub issuer: Box<str>,
    /// `aud` of all its tokens.
    pub audience: Box<str>,
}

/// Why a token is rejected. No part of the token is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// Its `nbf` is in the future.
    #[error("the token is not yet valid (nbf)")]
    NotYet,
    /// It is malformed, or was not signed by that key.
    #[error("the token is malformed, or its signature does not match")]
    Invalid,
    /// Its key is not among the known ones.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// It has another type, issuer or audience.
    #[error("the token was made for another use")]
    WrongUse,
}

impl Codec {
    /// The codec of one use.
    pub fn new(keys: JwtKeys, issuer: &str, audience: &str) -> Self {
        super::key::use_aws_lc();
        Self {
            verifying: keys.verifying(),
            keys,
            issuer: issuer.into(),
            audience: audience.into(),
        }
    }

    /// The token for `claims`, whose issuer and audience are the codec's.
    ///
    /// # Errors
    /// [`JwtError::Invalid`] if the key cannot sign.
    pub fn sign<C: Claims>(&self, claims: &C) -> Result<String, JwtError> {
        let key = self.keys.first();
        let mut header = Header::new(key.verifies.algorithm);
        header.typ = Some(C::TYPE.to_owned());
        header.kid = Some(key.id.clone());
        encode(&header, claims, &key.signs).map_err(|_| JwtError::Invalid)
    }

    /// The claims of a token that is valid at `now`, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// [`JwtError`] says why it is rejected.
    pub fn verify<C: Claims>(&self, token: &str, now: i64) -> Result<C, JwtError> {
        verify(&self.verifying, &self.issuer, &self.audience, token, now)
    }
}

/// The name of the signing key, according to the token.
pub(crate) fn key_id(token: &str) -> Option<String> {
    let is_short = token.len() <= MAX_TOKEN;
    is_short.then(|| decode_header(token).ok()?.kid).flatten()
}

/// The claims of a token that one of `keys` has signed and that is valid at `now`, in seconds since the
/// Unix epoch.
pub(crate) fn verify<C: Claims>(
    keys: &PublicKeys,
    issuer: &str,
    audience: &str,
    token: &str,
    now: i64,
) -> Result<C, JwtError> {
    if token.len() > MAX_TOKEN {
        return Err(JwtError::Invalid);
    }
    let header = decode_header(token).map_err(|_| JwtError::Invalid)?;
    if header.typ.as_deref() != Some(C::TYPE) {
        return Err(JwtError::WrongUse);
    }
    // This crate supports no header that must be understood (RFC 7515, section 4.1.11).
    if header.crit.is_some() {
        return Err(JwtError::Invalid);
    }
    let key = header.kid.as_deref().and_then(|id| keys.get(id));
    let key = key.ok_or(JwtError::UnknownKey)?;
    let mut validation = Validation::new(key.algorithm);
    // The library reads the machine's clock; the given time is checked below.
    validation.validate_exp = false;
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    let decoded = decode::<C>(token, &key.key, &validation);
    let decoded = decoded.map_err(|error| match error.kind() {
        ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => JwtError::WrongUse,
        _ => JwtError::Invalid,
    });
    let claims = decoded?.claims;
    // Stricter than the library, which would accept one of several.
    if claims.issuer() != issuer || claims.audience() != audience {
        return Err(JwtError::WrongUse);
    }
    if claims.expires_at().saturating_add(C::LEEWAY) <= now {
        return Err(JwtError::Expired);
    }
    let begins = claims.not_before();
    if begins.is_some_and(|begins| begins.saturating_sub(C::LEEWAY) > now) {
        return Err(JwtError::NotYet);
    }
    Ok(claims)
}
