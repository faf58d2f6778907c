//! The newest list of each resource, held in memory and fetched again in time.
//!
//! * A list is replaced only by a complete one. A failed fetch never looks like an empty list.
//! * At most one fetch per resource is under way; whoever needs it waits for that one.
//! * A list older than [`Config::max_list_age`](crate::Config) admits nobody.
//! * An add-on that Heroku says is not there makes its resource dormant, which is reversible, and ends it
//!   only after a week; nothing else does.

mod absence;
mod admit;
mod answer;
mod authorize;
mod backlog;
mod budget;
mod change;
mod closed_sessions;
mod condition;
mod cue;
mod decide;
mod decide_properties;
mod denial;
mod directory;
mod endings;
mod entry;
mod error;
mod explain;
mod fetch;
mod flight;
mod follow;
mod forced;
mod held;
mod in_use;
mod lateness;
mod lease;
mod load;
mod members;
mod moment;
mod notice;
mod partner_turns;
mod plan;
mod question;
mod readers;
mod register;
mod report;
mod resolve;
mod resync;
mod revoke;
mod schedule;
mod settings;
mod subscribe;
mod swap;
mod team;
mod tokens;
mod truth_table;
mod turnstile;
mod unbroken;
mod unsaved;
mod watch;

pub(crate) use absence::Absences;
pub use absence::{DormantResource, RevivedBy};
pub(crate) use admit::Admitted;
pub(crate) use authorize::EntryRef;
pub use change::{Change, Changes};
pub(crate) use closed_sessions::ClosedSessions;
pub(crate) use decide::{Principal, SessionStart, Strictness};
pub(crate) use denial::Denial;
pub(crate) use directory::Directory;
pub use error::SyncError;
pub use explain::Explanation;
pub(crate) use held::{Held, ListVersion};
pub(crate) use in_use::InUse;
#[cfg(feature = "axum")]
pub(crate) use partner_turns::PartnerTurns;
pub use plan::SyncScope;
pub use register::OauthGrant;
pub use report::Health;
pub use resync::SyncHandle;
pub use settings::RatePools;
pub(crate) use settings::{Deadlines, SyncSettings};
