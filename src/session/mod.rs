//! What a session is: one grant, in a record of any [`tower_sessions::SessionStore`] that a cookie
//! names, or signed and in the cookie itself.

#[cfg(feature = "jwt")]
mod bearers;
mod bounded;
mod cache;
mod cookies;
mod credential;
mod grant;
mod hints;
mod key;
mod memory;
mod nav_data;
mod outage;
mod outcome;
mod sessions;
#[cfg(feature = "jwt")]
mod signed;
mod stored;
mod sweep;
mod way_back;

pub(crate) use tower_sessions::SessionStore;
pub(crate) use tower_sessions::session_store::ExpiredDeletion;

pub(crate) use bounded::BoundedSessionStore;
pub(crate) use cookies::Cookies;
pub(crate) use credential::{Credential, SessionName};
pub(crate) use grant::Grant;
pub use memory::MemorySessions;
pub(crate) use outcome::SessionError;
pub(crate) use sessions::{Keeping, Opened, Sessions};
pub use sweep::SweepHandle;
pub(crate) use sweep::sweep;
pub(crate) use way_back::WayBack;
