//! tower-heroku-sso

#![warn(unreachable_pub)]
// Some parts have the Partner API as their only caller.
#![cfg_attr(not(feature = "axum"), allow(dead_code))]

pub mod access;
mod audit;
#[cfg(feature = "axum")]
pub mod axum;
pub mod clock;
mod config;
pub mod gate;
pub mod heroku;
mod heroku_sso;
pub mod ids;
#[cfg(feature = "axum")]
pub mod partner_api;
pub mod secret;
mod session;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod sso;
pub mod store;
pub mod sync;

pub use access::{Email, ListPolicy, Role};
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::{Config, CookieTransport, Manifest, OnExpired, SessionLife, SetupError};
pub use gate::{HerokuUser, RefusalKind};
pub use heroku_sso::{Health, HerokuSso, HerokuSsoBuilder};
pub use ids::ResourceId;
pub use secret::{AddonPassword, ClientSecret, SsoSalt, Tokens, WeakSecret};
pub use session::MemorySessions;
pub use sso::{Proof, SsoPolicy};
pub use sync::{OauthGrant, SyncScope};
