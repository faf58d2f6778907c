//! What can be wrong with a set-up.

use std::fmt;
use std::time::Duration;

use crate::cause;
use crate::secret::WeakSecret;

/// What is wrong with a set-up. Never holds the value of a setting that may be secret.
///
/// `Debug` prints the sentence too, as that is what a `main` that ends with an error shows.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The http client cannot start.
    #[error("the http client cannot start")]
    Client(#[source] crate::heroku::HerokuError),
    /// A key for signed tokens that is none, or not for this use.
    #[cfg(feature = "jwt")]
    #[error("{setting} cannot be used")]
    InvalidJwtKey {
        /// The setting's name.
        setting: &'static str,
        /// What is wrong with it.
        #[source]
        source: crate::jwt::InvalidJwtKey,
    },
    /// A path setting that is no path.
    #[error(
        "{setting} must be a path such as `/a/b`, without `?`, `#`, braces, stars or spaces, and no part begins with a colon"
    )]
    InvalidPath {
        /// The setting's name.
        setting: &'static str,
    },
    /// [`Config::resource_in_path`](crate::Config::resource_in_path) is none.
    #[error(
        "resource_in_path must end in a segment of its own for the resource: `/addons/{{resource}}`"
    )]
    InvalidResourcePath,
    /// An environment variable with a value that cannot be right.
    #[error("{variable} cannot be used: {reason}")]
    InvalidVariable {
        /// The variable's name.
        variable: &'static str,
        /// What is expected instead.
        reason: String,
    },
    /// Environment variables that must be set: all that are missing, so that one start tells of them.
    #[error("{}", sentences(.variables))]
    MissingVariables {
        /// At least one.
        variables: Vec<MissingVariable>,
    },
    /// A setting that does nothing without another one.
    #[error("{setting} needs {other}")]
    Needs {
        /// The setting's name.
        setting: &'static str,
        /// What it needs.
        other: &'static str,
    },
    /// A duration outside its bounds.
    #[error("{setting} must be between {least:?} and {most:?}")]
    OutOfBounds {
        /// The setting's name.
        setting: &'static str,
        /// The least that is allowed.
        least: Duration,
        /// The most that is allowed.
        most: Duration,
    },
    /// Two settings that exclude each other.
    #[error("{setting} and {other} exclude each other")]
    Excluded {
        /// The setting's name.
        setting: &'static str,
        /// The other one's name.
        other: &'static str,
    },
    /// Two paths that are one.
    #[error("{setting} must differ from {other}")]
    SamePath {
        /// The setting's name.
        setting: &'static str,
        /// What has that path already.
        other: &'static str,
    },
    /// The address that webhooks are to be sent to is neither https nor on this machine, or has a
    /// query or credentials.
    #[error("the address for webhooks must be https (or http to this machine), without a query")]
    WebhookAddress,
    /// A secret that is none.
    #[error("{variable} holds no usable secret: it is {reason}")]
    WeakSecret {
        /// The variable's name.
        variable: &'static str,
        /// What is wrong with it.
        reason: WeakSecret,
    },
}

/// An environment variable that must be set, and is not.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{variable} is not set; it is {meaning}")]
#[non_exhaustive]
pub struct MissingVariable {
    /// The variable's name.
    pub variable: &'static str,
    /// What belongs there, and where it is to be had.
    pub meaning: &'static str,
}

fn sentences(variables: &[MissingVariable]) -> String {
    let sentences = variables.iter().map(ToString::to_string);
    sentences.collect::<Vec<_>>().join(". ")
}

impl fmt::Debug for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&cause::with(self))
    }
}
