//! tower-heroku-sso

pub mod access;
mod audit;
pub mod clock;
mod config;
pub mod heroku;
pub mod ids;
pub mod secret;
mod session;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod sso;
pub mod store;
pub mod sync;

pub use clock::{Clock, ManualClock, SystemClock};
pub use config::*;
pub use secret::{AddonPassword, ClientSecret, SsoSalt};
