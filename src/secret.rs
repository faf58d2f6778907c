//! Secrets: never printed, never compared with `==`.

use std::fmt;

use heroku_sso_store::InvalidValue;
use secrecy::{ExposeSecret, SecretString};

/// Placeholders that manuals and templates show in place of a secret.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "change-me",
    "change_me",
    "client-secret",
    "client_secret",
    "password",
    "placeholder",
    "replace-me",
    "replaceme",
    "sso-salt",
    "sso_salt",
];

const PLACEHOLDER: InvalidValue = InvalidValue::new("a placeholder, not a secret");

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, $min:literal) => {
        $(#[$doc])*
        ///
        /// Has no `PartialEq`, and `Debug` prints no part of it.
        #[derive(Clone)]
        pub struct $name(SecretString);

        impl $name {
            /// Wraps the secret.
            ///
            /// # Errors
            #[doc = concat!(
                "[`InvalidValue`] if it is shorter than ", $min, " bytes or a well-known placeholder."
            )]
            pub fn new(secret: impl Into<String>) -> Result<Self, InvalidValue> {
                let secret = secret.into();
                if secret.len() < $min {
                    return Err(InvalidValue::new(concat!("shorter than ", $min, " bytes")));
                }
                if is_placeholder(&secret) {
                    return Err(PLACEHOLDER);
                }
                Ok(Self(secret.into()))
            }

            pub(crate) fn expose(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(REDACTED)"))
            }
        }
    };
}

secret! {
    /// The SSO salt: `api.sso_salt` in the add-on manifest.
    SsoSalt, 8
}

secret! {
    /// The password Heroku calls the Partner API with: `api.password` in the add-on manifest.
    AddonPassword, 8
}

secret! {
    /// The OAuth client secret of the add-on, from the Partner Portal.
    ClientSecret, 8
}

secret! {
    /// A secret that webhooks are signed with. The partner generates it, for example from 32 random bytes.
    WebhookSecret, 16
}

impl WebhookSecret {
    pub(crate) fn as_secret(&self) -> &SecretString {
        &self.0
    }
}

/// True for a text such as `changeme` or `<salt>`, and for one character repeated.
fn is_placeholder(secret: &str) -> bool {
    let folded = secret.trim().to_ascii_lowercase();
    let template = folded.starts_with('<') && folded.ends_with('>');
    let repeated = folded.chars().all(|c| folded.starts_with(c));
    let yours = folded.starts_with("your-") || folded.starts_with("your_");
    template || repeated || yours || PLACEHOLDERS.contains(&folded.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_short_secrets_are_refused() {
        for weak in [
            "",
            "short",
            "changeme",
            "<sso salt>",
            "xxxxxxxxxxxx",
            "Password",
            "your-client-secret",
            "YOUR_SALT_HERE",
        ] {
            assert!(SsoSalt::new(weak).is_err(), "{weak}");
        }
        assert!(SsoSalt::new("2f97bfa52ca102f8874716e2eb1d3b4920ad0be4").is_ok());
    }

    #[test]
    fn debug_shows_no_part_of_a_secret() {
        let salt = SsoSalt::new("2f97bfa52ca102f8").unwrap();
        assert_eq!(format!("{salt:?}"), "SsoSalt(REDACTED)");
    }
}
