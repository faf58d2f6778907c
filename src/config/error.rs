//! Errors of the configuration.

use std::fmt;
use std::time::Duration;

use heroku_sso_store::InvalidValue;

use crate::error_chain;

/// An invalid configuration. Never contains the value of a setting that may be secret.
///
/// `Debug` prints the same text and its causes, because a `main` that returns an error shows that.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// An invalid allowed origin.
    #[error(
        "allowed_origins must be origins such as `https://app.example.com`, without a path or query"
    )]
    AllowedOrigin,
    /// The thread of [`on_audit`](crate::HerokuSsoBuilder::on_audit) cannot start.
    #[error("the thread of on_audit cannot start: {reason}")]
    AuditThread {
        /// The system's reason.
        reason: String,
    },
    /// The HTTP client cannot start. It needs the machine's root certificates, among others.
    #[error("the HTTP client cannot start")]
    Client(#[source] crate::heroku::HerokuError),
    /// The store of `DATABASE_URL` cannot be used: correct the address or the key, or see that the database
    /// is up.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    #[error("DATABASE_URL cannot be used")]
    Database {
        /// What is wrong with it.
        #[source]
        source: crate::store::StoreError,
    },
    /// A variable for a feature of this crate that is off.
    #[error(
        "{variable} is set, but the feature `{feature}` of tower-heroku-sso is off: turn it on in \
         Cargo.toml, or unset {variable}, or leave it out of what `builder_from_vars` is given"
    )]
    FeatureOff {
        /// The variable's name.
        variable: &'static str,
        /// The feature that it needs.
        feature: &'static str,
    },
    /// Cookies without `Secure` for a site that is https.
    #[error(
        "insecure_cookies (INSECURE_COOKIES=1) is for development over plain http, but public_url \
         (PUBLIC_URL) is https, where sessions could be read from the network: unset it"
    )]
    InsecureCookies,
    /// An invalid signing key, or one that is not for this use.
    #[cfg(feature = "jwt")]
    #[error("{setting} cannot be used")]
    InvalidJwtKey {
        /// The setting's name.
        setting: &'static str,
        /// What is wrong with it.
        #[source]
        source: crate::jwt::InvalidJwtKey,
    },
    /// An invalid path.
    #[error(
        "{setting} must be a path such as `/a/b`, without `?`, `#`, braces, stars or spaces, and no part begins with a colon"
    )]
    InvalidPath {
        /// The setting's name.
        setting: &'static str,
    },
    /// [`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path) is invalid.
    #[error(
        "resource_in_path must end in a segment of its own for the resource: `/addons/{{resource}}`"
    )]
    InvalidResourcePath,
    /// An invalid slug: empty, or with a colon.
    #[error("the slug of the manifest (HEROKU_ADDON_SLUG) must be its `id`, which has no colon")]
    InvalidSlug,
    /// An environment variable with an invalid value.
    #[error("{variable} is invalid: {reason}")]
    InvalidVariable {
        /// The variable's name.
        variable: &'static str,
        /// What is expected instead.
        reason: String,
    },
    /// Required environment variables that are not set: all of them, so that one start reports them all.
    #[error("{}", sentences(.variables))]
    MissingVariables {
        /// Each with what it must contain, and where to find that. At least one.
        variables: Vec<(&'static str, &'static str)>,
    },
    /// A setting that has no effect without another one.
    #[error("{setting} needs {other}")]
    Needs {
        /// The setting's name.
        setting: &'static str,
        /// The setting or value that it needs.
        other: &'static str,
    },
    /// A duration outside its bounds.
    #[error("{setting} must be between {least:?}{} and {most:?}", named(.least_is))]
    OutOfBounds {
        /// The setting's name.
        setting: &'static str,
        /// The shortest allowed duration.
        least: Duration,
        /// The setting that is the shortest allowed duration, if one is: lower that one, or raise this one.
        least_is: Option<&'static str>,
        /// The longest allowed duration.
        most: Duration,
    },
    /// The address of one of Heroku's hosts is not https (or http to this machine), or has credentials, a
    /// query or a fragment.
    #[error("{setting}: {reason}")]
    HerokuAddress {
        /// The setting's name.
        setting: &'static str,
        /// What is expected.
        reason: InvalidValue,
    },
    /// The site's own address is not https, or has more than a host and a path.
    #[error(
        "public_url (PUBLIC_URL) must be an address such as `https://queues.example.com/base`, without a \
         query: https, or http with insecure_cookies (INSECURE_COOKIES=1)"
    )]
    PublicUrl,
    /// Two settings that exclude each other.
    #[error("{setting} and {other} exclude each other: remove one of them")]
    Excluded {
        /// The setting's name.
        setting: &'static str,
        /// The other one's name.
        other: &'static str,
    },
    /// Two settings have the same path.
    #[error("{setting} must differ from {other}")]
    SamePath {
        /// The setting's name.
        setting: &'static str,
        /// The setting or route that already has that path.
        other: &'static str,
    },
    /// The address for webhooks is neither https nor on this machine, or has a query or credentials.
    #[error("the address for webhooks must be https (or http to this machine), without a query")]
    WebhookAddress,
}

fn named(setting: &Option<&'static str>) -> String {
    setting.map_or_else(String::new, |name| format!(" ({name})"))
}

fn sentences(variables: &[(&str, &str)]) -> String {
    let sentences = variables
        .iter()
        .map(|(name, meaning)| format!("{name} is not set: {meaning}"));
    sentences.collect::<Vec<_>>().join(". ")
}

impl fmt::Debug for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&error_chain::with(self))
    }
}
