//! An email address as the key of a user.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::invalid_value::InvalidValue;

/// The longest address that is accepted, in bytes (RFC 5321 allows 64 + 1 + 255).
const MAX_LEN: usize = 320;

const INVALID: InvalidValue = InvalidValue::new("not a valid email address");

/// An email address, compared without regard to ASCII case and stored in lower case.
///
/// Parsing trims spaces around it. It then requires one `@` with text on both sides, at most 320 bytes,
/// and no control character, white space or colon. Letters outside ASCII are kept unchanged.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(Box<str>);

impl Email {
    /// An address that was parsed before.
    pub(super) fn listed(text: String) -> Self {
        Self(text.into())
    }

    /// The address in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for the service accounts that own team apps at Heroku. They are not users.
    #[doc(hidden)]
    pub fn is_pseudo_user(&self) -> bool {
        self.0.ends_with("@herokumanager.com")
    }
}

impl AsRef<str> for Email {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Email {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim_matches(' ');
        let (local, domain) = text.split_once('@').ok_or(INVALID)?;
        let shape = !local.is_empty() && !domain.is_empty() && text.len() <= MAX_LEN;
        if !shape || has_forbidden(local) || has_forbidden(domain) {
            return Err(INVALID);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

/// True if half of an address contains a forbidden character.
fn has_forbidden(half: &str) -> bool {
    // Nearly all addresses are ASCII, for which bytes suffice and no character needs decoding.
    if half.is_ascii() {
        return half
            .bytes()
            .any(|b| b <= b' ' || matches!(b, b':' | b'@' | 0x7f));
    }
    half.contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, ':' | '@'))
}

impl TryFrom<String> for Email {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_ignores_case_and_outer_spaces() {
        let email: Email = "  Ann@Example.COM ".parse().unwrap();
        assert_eq!(email, "ann@example.com".parse().unwrap());
        assert_eq!(email.as_str(), "ann@example.com");
        let text: &str = email.as_ref();
        assert_eq!(
            (text, email.to_string().as_str()),
            ("ann@example.com", text)
        );
    }

    #[test]
    fn letters_outside_ascii_are_kept() {
        let email: Email = "Jürgen@example.com".parse().unwrap();
        assert_eq!(email.as_str(), "jürgen@example.com");
    }

    #[test]
    fn email_has_at_most_320_bytes() {
        let of = |length: usize| format!("{}@example.com", "a".repeat(length - 12));
        assert_eq!(of(320).parse::<Email>().unwrap().as_str().len(), 320);
        assert!(of(321).parse::<Email>().is_err());
    }

    #[test]
    fn malformed_email_is_rejected() {
        let long = format!("{}@example.com", "a".repeat(400));
        for bad in [
            "",
            "@",
            "a@",
            "@b",
            "ab",
            "a@b@c",
            "a b@c",
            "a:b@c",
            "a@b\r\n",
            "a\0@b",
            "a@b\u{85}",
            "ü:a@b",
            "a@ü:b",
            "ü a@b",
            "ü\u{2003}a@b",
            "ü\u{7}@b",
            "ü\u{85}@b",
            "ü@b@c",
            long.as_str(),
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
    }
}
