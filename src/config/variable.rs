//! One environment variable: what it means, and how its value is read.

use heroku_sso_store::InvalidValue;
use secrecy::SecretString;
use url::Url;

use super::{Config, SetupError};
#[cfg(feature = "jwt")]
use crate::jwt::JwtKeys;
use crate::secret::{AddonPassword, ClientSecret, SsoSalt, WebhookSecret};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::store::EncryptionKeys;

/// A variable, and where its value goes.
pub(super) struct Variable {
    pub(super) name: &'static str,
    /// What it contains, in Markdown.
    pub(super) meaning: &'static str,
    pub(super) default: Fallback,
    /// Reads a value that is neither empty nor surrounded by spaces.
    pub(super) read: fn(&mut Values, &str) -> Result<(), Unusable>,
}

/// What applies if a variable is not set.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "tests compare the values with the guide and with the settings' own defaults"
    )
)]
pub(super) enum Fallback {
    /// It must be set.
    Required,
    /// The same as for this value.
    Value(&'static str),
    /// The same as for this value, or for the refresh interval if that is longer.
    ValueOrRefresh(&'static str),
    /// No value has the same effect.
    None,
}

/// The values of the variables, as the rows of the table read them.
#[derive(Default)]
pub(super) struct Values {
    pub(super) slug: String,
    pub(super) password: Option<AddonPassword>,
    pub(super) salts: Vec<SsoSalt>,
    pub(super) client_secret: Option<ClientSecret>,
    pub(super) config: Config,
    pub(super) webhook_secrets: Vec<WebhookSecret>,
    pub(super) webhook_url: Option<Url>,
    pub(super) database_url: Option<SecretString>,
    pub(super) has_encryption_key: bool,
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) encryption_keys: Option<EncryptionKeys>,
    #[cfg(feature = "jwt")]
    pub(super) session_keys: Option<JwtKeys>,
}

/// Why a variable's value cannot be used.
pub(super) enum Unusable {
    Because(String),
    #[cfg(not(feature = "jwt"))]
    FeatureOff(&'static str),
}

impl Unusable {
    pub(super) fn because(reason: impl ToString) -> Self {
        Self::Because(reason.to_string())
    }

    pub(super) fn of(self, variable: &'static str) -> SetupError {
        match self {
            Self::Because(reason) => SetupError::InvalidVariable { variable, reason },
            #[cfg(not(feature = "jwt"))]
            Self::FeatureOff(feature) => SetupError::FeatureOff { variable, feature },
        }
    }
}

impl From<InvalidValue> for Unusable {
    fn from(reason: InvalidValue) -> Self {
        Self::because(reason)
    }
}

impl Variable {
    /// For [`SetupError::MissingVariables`].
    pub(super) fn missing(&self) -> (&'static str, &'static str) {
        (self.name, self.meaning)
    }
}
