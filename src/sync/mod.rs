//! The newest list of each resource, held in memory and refreshed on schedule.
//!
//! * A list is replaced only by a complete one. A failed fetch never looks like an empty list.
//! * Callers that need the same fetch of a resource share one. Of each resource, at most two are in progress in
//!   a process: one that accepts recent members of the team, and one that fetches them as well.
//! * A list older than [`max_list_age`](crate::HerokuSsoBuilder::max_list_age) admits no user.
//! * Of Heroku's answers, only a lasting absence ends a resource: the add-on is missing, or the grant is
//!   refused. The resource first becomes dormant, which is reversible, and ends
//!   [`dormant_for`](crate::HerokuSsoBuilder::dormant_for) later.

mod changes;
mod cluster;
mod decision;
mod directory;
mod error;
mod fetch;
pub(crate) mod health;
pub(crate) mod lifecycle;
mod list_states;
mod lists;
mod run_to_completion;
pub(crate) mod schedule;
pub(crate) mod settings;
mod single_flight;
mod state;
mod tasks;
mod tokens;
mod worker;

pub use changes::{Change, Changes};
pub(crate) use cluster::closed_sessions::ClosedSessions;
pub(crate) use decision::admit::Admitted;
pub(crate) use decision::authorize::EntryRef;
pub(crate) use decision::decide::{SessionStart, Strictness};
pub(crate) use decision::denial::Denial;
pub use decision::explain::Explanation;
pub(crate) use decision::keep_in_use::InUse;
pub(crate) use decision::recheck_access::Watch;
pub(crate) use directory::Directory;
pub(crate) use error::SyncError;
pub(crate) use health::Health;
pub use lifecycle::dormancy::DormantResource;
pub(crate) use lifecycle::erase_person::Erasure;
pub(crate) use lifecycle::register_resource::{OauthGrant, Registered};
pub(crate) use state::cached_list::ListVersion;
pub(crate) use state::person_marks::Principal;

pub(crate) use schedule::next_fetch::SyncScope;
pub(crate) use settings::{Deadlines, RatePools, SyncSettings};
pub use worker::SyncHandle;
