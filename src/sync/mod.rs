//! The newest list of each resource, held in memory and refreshed on schedule.
//!
//! * A list is replaced only by a complete one. A failed fetch never looks like an empty list.
//! * At most one fetch per resource is in progress; every caller that needs it waits for that one.
//! * A list older than [`Config::max_list_age`](crate::Config) admits no user.
//! * If Heroku says that an add-on does not exist, its resource becomes dormant, which is reversible. Only
//!   after a week does it end. No other event has this effect.

mod absence;
mod admit;
mod answer;
mod as_of;
mod authorize;
mod backlog;
mod budget;
mod cached_list;
mod change;
mod change_hint;
mod closed_sessions;
mod decide;
mod decide_properties;
mod denial;
mod directory;
mod entry;
mod error;
mod explain;
mod fetch;
mod follow;
mod forced;
mod generation;
mod in_use;
mod keyed_lock;
mod lag_monitor;
mod lease;
mod list_event;
mod list_state;
mod load;
mod members;
mod partner_turns;
mod pending_tokens;
mod plan;
mod question;
mod readers;
mod register;
mod report;
mod resolve;
mod revoke;
mod run_to_completion;
mod schedule;
mod settings;
mod single_flight;
mod subscribe;
mod swap;
mod team;
mod tokens;
mod truth_table;
mod watch;
mod worker;

pub(crate) use absence::Absences;
pub use absence::{DormantResource, RevivedBy};
pub(crate) use admit::Admitted;
pub(crate) use authorize::EntryRef;
pub(crate) use cached_list::{CachedList, ListVersion};
pub use change::{Change, Changes};
pub(crate) use closed_sessions::ClosedSessions;
pub(crate) use decide::{Principal, SessionStart, Strictness};
pub(crate) use denial::Denial;
pub(crate) use directory::Directory;
pub use error::SyncError;
pub use explain::Explanation;
pub(crate) use in_use::InUse;
#[cfg(feature = "axum")]
pub(crate) use partner_turns::PartnerTurns;
pub use plan::SyncScope;
pub use register::OauthGrant;
pub use report::Health;
pub use settings::RatePools;
pub(crate) use settings::{Deadlines, SyncSettings};
pub use worker::SyncHandle;
