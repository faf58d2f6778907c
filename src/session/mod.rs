//! Sessions. A session is one grant: in a record of the crate's own store or of a given
//! [`tower_sessions::SessionStore`], which a cookie names; or signed in the cookie itself.

mod backend;
#[cfg(feature = "jwt")]
mod bearers;
mod bounded;
mod cache;
mod circuit_breaker;
mod credential;
mod error;
mod grant;
mod key;
mod last_seen;
mod listing;
mod manager;
mod memory;
mod new_session;
mod records;
#[cfg(feature = "jwt")]
mod signed;
mod storage;
mod stored;
mod sweep;
mod unsent_record;
mod values;

pub(crate) use tower_sessions::SessionStore;
pub(crate) use tower_sessions::session_store::ExpiredDeletion;

pub(crate) use backend::BackendChoice;
#[cfg(feature = "jwt")]
pub(crate) use bearers::note_bearer;
pub(crate) use bounded::BoundedSessionStore;
pub(crate) use credential::{Credential, SessionRef};
pub(crate) use error::SessionError;
pub(crate) use grant::Grant;
pub use listing::{SessionInfo, SessionsError};
pub(crate) use listing::{end_session, list_sessions};
pub(crate) use manager::SessionManager;
pub use memory::MemorySessions;
pub(crate) use new_session::NewSession;
#[cfg(feature = "jwt")]
pub use storage::CookieSessions;
pub use storage::SessionStorage;
pub(crate) use storage::StorageKind;
pub(crate) use sweep::sweep;
pub(crate) use values::{OpenValues, SessionValues};
