//! Configuration: the add-on's manifest, and all settings that have a default.

mod check;
mod environment;
mod error;
mod manifest;
mod settings;

pub(crate) use check::check;
#[cfg(feature = "jwt")]
pub use environment::session_keys_from_env;
pub use error::{MissingVariable, SetupError};
pub use manifest::Manifest;
pub(crate) use settings::PLACEHOLDER;
pub use settings::{Config, CookieTransport, OnExpired, SessionLife, Streams};
