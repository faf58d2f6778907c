//! The members of a team, as they appear on the lists of its resources.

use std::sync::Arc;

use heroku_sso_store::ResourceId;

use super::as_of::AsOf;
use crate::access::People;
use crate::heroku::ETag;

/// A team's members, as Heroku listed them.
#[derive(Clone, Debug)]
pub(in crate::sync) struct TeamList {
    pub(in crate::sync) people: People,
    pub(in crate::sync) asked_at: AsOf,
    pub(in crate::sync) etag: Option<ETag>,
    /// The resource whose token was used to fetch them.
    pub(in crate::sync) answered_by: Option<ResourceId>,
}

/// The members as they appear on the lists of a team's resources.
#[derive(Clone, Debug)]
pub(in crate::sync) enum Members {
    Known(Arc<TeamList>),
    /// Heroku refuses to list them.
    Withheld,
}
