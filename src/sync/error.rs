//! Why no list is available to decide by. What callers of the crate see of it is in `handles/error.rs`.

use std::time::Duration;

use crate::heroku::HerokuError;
use crate::store::StoreError;

/// Why a resource's list cannot be returned or fetched.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum SyncError {
    /// Other work on the resource's registration or tokens, in this process or another, takes too long.
    #[error("timed out waiting for other work on the resource's grant; try again")]
    Busy,
    /// Heroku has reported the resource as missing, or has refused its grant, for some time. Access is
    /// suspended until Heroku returns its list, or a new grant arrives.
    #[error("the resource is dormant: heroku reports it as missing, or refuses its grant")]
    Dormant,
    /// The resource is deprovisioned, or about to be.
    #[error("the resource is gone")]
    Gone,
    /// Heroku gave no usable answer.
    #[error("heroku gave no usable answer")]
    Heroku(#[from] HerokuError),
    /// The task that did the work ended without a result, or the resource changed again and again while it
    /// was loaded.
    #[error("the fetch was interrupted")]
    Interrupted,
    /// Heroku withholds the team's members, and the person is not among the collaborators. So it is unknown
    /// whether the person has access.
    #[error("heroku withholds the team's members")]
    MembersWithheld,
    /// Heroku refused the refresh token: the resource must be registered with a new grant.
    #[error("heroku refused the refresh token; the resource needs a new grant")]
    NeedsGrant,
    /// No list is recent enough, and none could be fetched for this decision.
    #[error("no list is recent enough to decide")]
    NoUsableList,
    /// There are no tokens for calls to Heroku: the resource was registered without a grant.
    #[error("the resource has no oauth grant")]
    NoTokens,
    /// Fetches outside the schedule have used up a budget. Unlisted users, webhooks and the partner's calls
    /// cause such fetches.
    #[error("too many fetches were requested; retry in {retry_after:?}")]
    OverBudget {
        /// How long until the next such fetch is allowed.
        retry_after: Duration,
    },
    /// The list did not arrive in time: Heroku answers too slowly, or its list has too many pages.
    #[error("the list took longer than {limit:?}")]
    Slow {
        /// How long it may take: at most 60 seconds in the background, 30 for attached apps, and 15 for a
        /// waiting request.
        limit: Duration,
    },
    /// The store is unavailable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The resource is not registered.
    #[error("the resource is not registered")]
    UnknownResource,
}

impl SyncError {
    /// How long to wait before a retry: at least a second.
    pub(crate) fn retry_after(&self) -> Duration {
        match self {
            Self::OverBudget { retry_after }
            | Self::Heroku(HerokuError::RateLimited { retry_after }) => {
                (*retry_after).max(Duration::from_secs(1))
            }
            Self::Dormant => Duration::from_secs(60),
            _ => Duration::from_secs(10),
        }
    }

    /// True if Heroku refuses the access token: another token may work.
    pub(super) fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Heroku(HerokuError::Unauthorized(_)))
    }

    /// The variant's name, as used in metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Dormant => "dormant",
            Self::Gone => "gone",
            Self::Heroku(error) => error.kind(),
            Self::Interrupted => "interrupted",
            Self::MembersWithheld => "members_withheld",
            Self::NeedsGrant => "needs_grant",
            Self::NoTokens => "no_tokens",
            Self::NoUsableList => "no_usable_list",
            Self::OverBudget { .. } => "over_budget",
            Self::Slow { .. } => "slow",
            Self::Store(_) => "store",
            Self::UnknownResource => "unknown_resource",
        }
    }
}
