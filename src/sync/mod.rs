//! The newest list of each resource, held in memory and refreshed on schedule.
//!
//! * A list is replaced only by a complete one. A failed fetch never looks like an empty list.
//! * At most one fetch per resource is in progress; every caller that needs it waits for that one.
//! * A list older than [`Config::max_list_age`](crate::Config) admits no user.
//! * If Heroku says that an add-on does not exist, its resource becomes dormant, which is reversible. Only
//!   after a week does it end. No other event has this effect.

mod changes;
mod cluster;
mod decision;
mod directory;
mod error;
mod fetch;
mod health;
mod lifecycle;
mod lists;
mod run_to_completion;
mod schedule;
mod settings;
mod tokens;

pub use changes::{Change, Changes};
pub(crate) use decision::admit::Admitted;
pub(crate) use decision::authorize::EntryRef;
pub(crate) use decision::decide::{Principal, SessionStart, Strictness};
pub(crate) use decision::denial::Denial;
pub use decision::explain::Explanation;
pub(crate) use decision::in_use::InUse;
pub(crate) use directory::Directory;
pub use error::SyncError;
pub use health::Health;
pub(crate) use lifecycle::absence::Absences;
pub use lifecycle::absence::{DormantResource, RevivedBy};
#[cfg(feature = "axum")]
pub(crate) use lifecycle::partner_turns::PartnerTurns;
pub use lifecycle::register::OauthGrant;
pub(crate) use lists::cached_list::{CachedList, ListVersion};
pub(crate) use lists::closed_sessions::ClosedSessions;
pub use schedule::policy::SyncScope;
pub use schedule::worker::SyncHandle;
pub use settings::RatePools;
pub(crate) use settings::{Deadlines, SyncSettings};
