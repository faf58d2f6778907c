//! The newest list of each resource, held in memory and fetched again in time.
//!
//! * A list is replaced only by a complete one. A failed fetch never looks like an empty list.
//! * At most one fetch per resource is under way; whoever needs it waits for that one.
//! * A list older than [`Config::max_list_age`](crate::Config) admits nobody.
//! * 404 (twice) or 410 for the add-on ends the resource; nothing else does.

mod admit;
mod budget;
mod change;
mod directory;
mod error;
mod fetch;
mod flight;
mod plan;
mod register;
mod resolve;
mod resync;
mod tokens;
mod turnstile;

pub(crate) use admit::{Admitted, NotAdmitted};
pub use change::{Change, Changes};
pub(crate) use directory::{Directory, Held, SyncSettings};
pub use error::SyncError;
pub use plan::SyncScope;
pub use register::OauthGrant;
pub use resync::SyncHandle;
