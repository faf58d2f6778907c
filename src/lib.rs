//! tower-heroku-sso

pub mod access;
pub mod clock;
pub mod ids;
pub mod secret;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod sso;

pub use clock::{Clock, ManualClock, SystemClock};
pub use secret::{AddonPassword, ClientSecret, SsoSalt};
