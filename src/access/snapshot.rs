//! What is known about a resource at one moment, combined from Heroku's newest answers.

use std::sync::Arc;

use heroku_sso_store::{App, Team};
use time::OffsetDateTime;

use super::AccessList;

/// All data of a resource: its app and team, and its access list. It is always replaced as a
/// whole.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The add-on's name, such as `acme-db-round-12345`.
    pub addon_name: String,
    /// The app that owns the add-on.
    pub app: App,
    /// The team that owns the app. The snapshots of a team's apps share it.
    pub team: Option<Arc<Team>>,
    /// The URL of the add-on's Heroku page, which signs a user in. Text, because a parsed URL takes several
    /// times the memory.
    pub web_url: Option<Box<str>>,
    /// The users who may enter.
    pub list: AccessList,
    /// When Heroku was asked for the oldest part of the list, apart from the people of attached apps.
    pub fetched_at: OffsetDateTime,
}
