//! Configuration: the add-on's manifest, and all settings that have a default.

#[cfg(feature = "jwt")]
mod bearer_tokens;
mod check;
mod database;
mod enforcement;
mod environment;
mod error;
mod manifest;
mod settings;
mod variable;
mod variables;

#[cfg(feature = "jwt")]
pub use bearer_tokens::BearerTokens;
pub(crate) use check::{check, heroku_url};
pub(crate) use database::Database;
pub(crate) use enforcement::ResourceOf;
pub use enforcement::{Enforcement, ResourceRule};
pub(crate) use environment::Environment;
pub use error::SetupError;
pub use manifest::Manifest;
pub(crate) use settings::{Config, CookieTransport, PLACEHOLDER, SessionLife};
pub(crate) use settings::{HtmlCache, OnExpired, Streams};
