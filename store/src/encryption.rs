//! Encryption of the values that a database must not reveal: XChaCha20-Poly1305 with a random nonce each
//! time. Each value is bound to its resource and its purpose.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

use crate::invalid_value::InvalidValue;
use crate::store_error::StoreError;

/// One key, of 32 random bytes. `head -c 32 /dev/urandom | base64` makes one.
///
/// Has no `PartialEq`, and `Debug` prints its id only.
#[derive(Clone)]
pub struct EncryptionKey {
    id: KeyId,
    cipher: XChaCha20Poly1305,
}

/// The name of a key, which reveals nothing about it: the first 8 bytes of a hash of the key, shown in hex.
/// It is stored beside each value that the key encrypts.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct KeyId([u8; KEY_ID]);

const KEY: usize = 32;
const KEY_ID: usize = 8;
const NONCE: usize = 24;
/// The first byte of every encrypted value, so that the format can change later.
const VERSION: u8 = 1;

const INVALID_KEY: InvalidValue = InvalidValue::new(
    "expected 32 bytes in base64, as `head -c 32 /dev/urandom | base64` prints them",
);

impl EncryptionKey {
    /// Reads a key in base64.
    ///
    /// # Errors
    /// [`InvalidValue`] if the text is not a valid key.
    pub fn from_base64(text: &str) -> Result<Self, InvalidValue> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| INVALID_KEY)?);
        // A single byte repeated is not a random key.
        if bytes.len() != KEY || bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(INVALID_KEY);
        }
        let cipher = XChaCha20Poly1305::new_from_slice(&bytes).map_err(|_| INVALID_KEY)?;
        let hash = Sha256::new()
            .chain_update(b"tower-heroku-sso key id")
            .chain_update(&*bytes)
            .finalize();
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&hash[..KEY_ID]);
        Ok(Self {
            id: KeyId(id),
            cipher,
        })
    }

    /// The key's name.
    pub fn id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({})", self.id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The keys of a durable store: the first encrypts, all open.
///
/// To change the key:
/// 1. Start all processes with the old key first and the new key added, so that all processes know both.
/// 2. Start all processes with the new key first.
/// 3. Call the store's `reencrypt` until it returns zero.
/// 4. Start all processes without the old key.
///
/// A process that knows only the old key cannot open a value that the new key has encrypted. The first step
/// is therefore needed for several processes, and when a release overlaps the previous one.
///
/// For a store that you open yourself, parse them from `TOKEN_ENCRYPTION_KEY`: keys in base64, separated by commas.
#[derive(Clone, Debug)]
#[must_use = "keys do nothing until a store is opened with them"]
pub struct EncryptionKeys {
    first: EncryptionKey,
    others: Vec<EncryptionKey>,
}

/// An encrypted value cannot be opened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptionError {
    /// The value was changed since this key encrypted it, or was encrypted for another resource.
    #[error("a value encrypted with key {key_id} is damaged, or belongs to another resource")]
    Damaged {
        /// The key.
        key_id: KeyId,
    },
    /// The value does not have the format of an encrypted value.
    #[error("an encrypted value is malformed")]
    Malformed,
    /// The value was encrypted with a key that the store was not given.
    #[error("a value is encrypted with key {key_id}, which is not among the keys given")]
    UnknownKey {
        /// The key that is missing.
        key_id: KeyId,
    },
}

/// Keys in base64, separated by commas, as in the variable `TOKEN_ENCRYPTION_KEY`: the first encrypts, all open.
impl FromStr for EncryptionKeys {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (first, others) = match text.split_once(',') {
            Some((first, others)) => (first, Some(others)),
            None => (text, None),
        };
        let mut keys = Self::new(listed_key(first)?);
        for text in others.into_iter().flat_map(|others| others.split(',')) {
            keys = keys.with_previous_key(listed_key(text)?);
        }
        Ok(keys)
    }
}

fn listed_key(text: &str) -> Result<EncryptionKey, InvalidValue> {
    match text.trim() {
        "" => Err(InvalidValue::new("an entry between the commas is empty")),
        text => EncryptionKey::from_base64(text),
    }
}

impl EncryptionKeys {
    /// Encrypts and opens values with this key.
    pub fn new(key: EncryptionKey) -> Self {
        Self {
            first: key,
            others: Vec::new(),
        }
    }

    /// Also opens values that this key has encrypted.
    pub fn with_previous_key(mut self, key: EncryptionKey) -> Self {
        self.others.push(key);
        self
    }

    /// `about` names what the text belongs to: the value opens only with the same `about`.
    pub(crate) fn encrypt(&self, text: &[u8], about: &str) -> Result<Vec<u8>, EncryptionError> {
        let key = &self.first;
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let payload = Payload {
            msg: text,
            aad: about.as_bytes(),
        };
        let encrypted = key.cipher.encrypt(&nonce, payload);
        let encrypted = encrypted.map_err(|_| EncryptionError::Damaged { key_id: key.id })?;
        Ok([&[VERSION][..], &key.id.0, &nonce, &encrypted].concat())
    }

    pub(crate) fn open(
        &self,
        encrypted: &[u8],
        about: &str,
    ) -> Result<Zeroizing<Vec<u8>>, EncryptionError> {
        let (key_id, rest) = parts(encrypted).ok_or(EncryptionError::Malformed)?;
        let mut keys = std::iter::once(&self.first).chain(&self.others);
        let key = keys.find(|key| key.id == key_id);
        let key = key.ok_or(EncryptionError::UnknownKey { key_id })?;
        let (nonce, text) = rest
            .split_at_checked(NONCE)
            .ok_or(EncryptionError::Malformed)?;
        let payload = Payload {
            msg: text,
            aad: about.as_bytes(),
        };
        let opened = key.cipher.decrypt(XNonce::from_slice(nonce), payload);
        let opened = opened.map_err(|_| EncryptionError::Damaged { key_id })?;
        Ok(Zeroizing::new(opened))
    }

    /// True if the value was encrypted with the first key.
    pub(crate) fn is_current(&self, encrypted: &[u8]) -> bool {
        parts(encrypted).is_some_and(|(id, _)| id == self.first.id)
    }
}

/// Checks that there is a key for each value, given the values' first bytes.
pub(crate) fn check_keys<'a>(
    keys: &EncryptionKeys,
    beginnings: impl Iterator<Item = &'a [u8]>,
) -> Result<(), StoreError> {
    for beginning in beginnings {
        let (key_id, _) =
            parts(beginning).ok_or_else(|| StoreError::new(EncryptionError::Malformed))?;
        let mut known = std::iter::once(&keys.first).chain(&keys.others);
        if !known.any(|key| key.id == key_id) {
            return Err(StoreError::new(EncryptionError::UnknownKey { key_id }));
        }
    }
    Ok(())
}

fn parts(encrypted: &[u8]) -> Option<(KeyId, &[u8])> {
    let (version, rest) = encrypted.split_first()?;
    let (id, rest) = rest.split_first_chunk::<KEY_ID>()?;
    (*version == VERSION).then_some((KeyId(*id), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_a_list() {
        const A: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        const B: &str = "HwABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4=";
        let keys: EncryptionKeys = format!(" {A} , {B}\n").parse().unwrap();
        let id = |text: &str| EncryptionKey::from_base64(text).unwrap().id();
        assert_eq!(keys.first.id(), id(A));
        assert_eq!(
            keys.others
                .iter()
                .map(EncryptionKey::id)
                .collect::<Vec<_>>(),
            [id(B)]
        );
        for bad in [
            "",
            " ",
            ",",
            "x",
            &format!("{A},"),
            &format!("{A},,{B}"),
            &format!(",{A}"),
        ] {
            assert!(bad.parse::<EncryptionKeys>().is_err(), "{bad:?}");
        }
    }

    fn key(first: u8) -> EncryptionKey {
        let bytes: Vec<u8> = (0..32).map(|n| first.wrapping_add(n)).collect();
        EncryptionKey::from_base64(&STANDARD.encode(bytes)).unwrap()
    }

    #[test]
    fn encrypted_text_opens_for_the_same_resource_only() {
        let keys = EncryptionKeys::new(key(1));
        let encrypted = keys.encrypt(b"a token", "tokens:a").unwrap();
        assert_eq!(**keys.open(&encrypted, "tokens:a").unwrap(), *b"a token");
        let key_id = key(1).id();
        let damaged = Err(EncryptionError::Damaged { key_id });
        assert_eq!(keys.open(&encrypted, "tokens:b").map(|_| ()), damaged);
        for at in 9..encrypted.len() {
            let mut other = encrypted.clone();
            other[at] ^= 1;
            assert_eq!(keys.open(&other, "tokens:a").map(|_| ()), damaged);
        }
        for length in 0..encrypted.len() {
            assert!(keys.open(&encrypted[..length], "tokens:a").is_err());
        }
    }

    #[test]
    fn encryption_is_randomized_and_hides_the_text() {
        let keys = EncryptionKeys::new(key(1));
        let once = keys.encrypt(b"HRKU-secret", "x").unwrap();
        let again = keys.encrypt(b"HRKU-secret", "x").unwrap();
        assert_ne!(once, again);
        assert!(!once.windows(4).any(|part| part == b"HRKU"));
    }

    #[test]
    fn missing_key_is_named_and_previous_key_decrypts() {
        let old = EncryptionKeys::new(key(1));
        let encrypted = old.encrypt(b"a token", "x").unwrap();
        let new = EncryptionKeys::new(key(2));
        let error = new.open(&encrypted, "x").unwrap_err();
        assert_eq!(
            error,
            EncryptionError::UnknownKey {
                key_id: key(1).id()
            }
        );
        assert!(error.to_string().contains(&key(1).id().to_string()));
        let both = new.with_previous_key(key(1));
        assert_eq!(**both.open(&encrypted, "x").unwrap(), *b"a token");
        assert!(!both.is_current(&encrypted));
        assert!(both.is_current(&both.encrypt(b"a token", "x").unwrap()));
    }

    #[test]
    fn key_has_32_bytes_that_debug_does_not_show() {
        for text in [
            "",
            "c2hvcnQ=",
            "not base64 at all!",
            &STANDARD.encode([0; 32]),
        ] {
            assert_eq!(EncryptionKey::from_base64(text).unwrap_err(), INVALID_KEY);
        }
        let shown = format!("{:?}", EncryptionKeys::new(key(1)));
        assert!(shown.contains(&key(1).id().to_string()));
        assert!(!shown.contains("AQID"));
    }
}
