//! What a session is: one grant, in a record of any [`tower_sessions::SessionStore`], named by a
//! cookie.

mod cache;
mod cookies;
mod grant;
mod key;
mod memory;
mod outage;
mod stored;
mod sweep;

pub(crate) use tower_sessions::SessionStore;
pub(crate) use tower_sessions::session::Id as SessionId;
pub(crate) use tower_sessions::session_store::ExpiredDeletion;

pub(crate) use cookies::{Cookies, WayBack};
pub(crate) use grant::Grant;
pub(crate) use key::session_key;
pub use memory::MemorySessions;
pub(crate) use stored::{Extension, SessionError, SessionSettings, Sessions};
pub use sweep::SweepHandle;
pub(crate) use sweep::sweep;
