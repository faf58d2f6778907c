//! The errors of each operation, and the status that a handler of the partner's can answer with.

use std::time::Duration;

use http::StatusCode;

use crate::heroku::HerokuError;
use crate::store::StoreError;
use crate::sync::SyncError;

/// Why [`Lists::get`](crate::Lists::get), [`Lists::erase`](crate::Lists::erase),
/// [`Sessions::revoke`](crate::Sessions::revoke) or [`Sessions::end_all`](crate::Sessions::end_all) failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The resource is deprovisioned, or about to be: delete what you keep of it.
    #[error("the resource is deprovisioned")]
    Deprovisioned,
    /// Another change of the resource, or the end of the process, interrupted the work: try again.
    #[error("the work was interrupted; try again")]
    Interrupted,
    /// The store is unavailable: try again.
    #[error(transparent)]
    Store(StoreError),
    /// No resource with this id is registered: register it, or correct the id.
    #[error("the resource is not registered")]
    UnknownResource,
}

/// Why [`Lists::refresh`](crate::Lists::refresh) has no new list. The last list stays.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// Other work on the resource's tokens, in this process or another, takes too long: try again.
    #[error("timed out waiting for other work on the resource's tokens; try again")]
    Busy,
    /// The resource is deprovisioned, or about to be: delete what you keep of it.
    #[error("the resource is deprovisioned")]
    Deprovisioned,
    /// Heroku has reported the resource as missing, or has refused its grant, for some time. Access is
    /// suspended. [`Resources::dormant`](crate::Resources::dormant) says what revives it.
    #[error("the resource is dormant: heroku reports it as missing, or refuses its grant")]
    Dormant,
    /// Heroku gave no usable answer. The source says what it was: try again, if that is a failure at Heroku.
    #[error("heroku gave no usable answer")]
    Heroku(#[source] HerokuError),
    /// Another change of the resource, or the end of the process, interrupted the fetch: try again.
    #[error("the fetch was interrupted; try again")]
    Interrupted,
    /// There is no working grant: the resource was registered without one, or Heroku refused its refresh
    /// token. Register it with a new grant.
    #[error("the resource needs a new oauth grant")]
    NeedsGrant,
    /// There is no list yet, and too many fetches were requested: wait as long as this says.
    #[error("too many fetches were requested; retry in {retry_after:?}")]
    OverBudget {
        /// How long until the next fetch is allowed.
        retry_after: Duration,
    },
    /// The list did not arrive in time: Heroku answers too slowly, or its list has too many pages. The fetch
    /// continues: try again.
    #[error("the list took longer than {limit:?}")]
    Slow {
        /// How long the call waited: 15 seconds, or less with a short
        /// [`heroku_timeout`](crate::HerokuSsoBuilder::heroku_timeout). Or 60 seconds, the limit of a fetch
        /// that was already running.
        limit: Duration,
    },
    /// The store is unavailable: try again.
    #[error(transparent)]
    Store(StoreError),
    /// No resource with this id is registered: register it, or correct the id.
    #[error("the resource is not registered")]
    UnknownResource,
}

/// Why [`Resources::register`](crate::Resources::register) failed. Nothing is stored then. If the code was
/// already exchanged, a repeat of the call succeeds, as long as this process runs and the tokens are valid.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Other work on the resource's registration, in this process or another, takes too long: try again.
    #[error("timed out waiting for other work on the resource's registration; try again")]
    Busy,
    /// The resource is deprovisioned, or about to be. Its id cannot be registered again.
    #[error("the resource is deprovisioned")]
    Deprovisioned,
    /// Heroku did not exchange the code. The source says why: try again if Heroku is unavailable. A code that
    /// Heroku refuses is used up or too old; only a new one helps.
    #[error("heroku did not exchange the grant code")]
    Heroku(#[source] HerokuError),
    /// Another change of the resource, or the end of the process, interrupted the work: try again.
    #[error("the registration was interrupted; try again")]
    Interrupted,
    /// The store is unavailable: try again.
    #[error(transparent)]
    Store(StoreError),
}

/// Why [`Resources::deprovision`](crate::Resources::deprovision) failed. It may or may not have happened:
/// repeat the call.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeprovisionError {
    /// Other work on the resource in this process takes too long: try again.
    #[error("timed out waiting for other work on the resource; try again")]
    Busy,
    /// The end of the process interrupted the work: try again.
    #[error("the deprovisioning was interrupted; try again")]
    Interrupted,
    /// The store is unavailable: try again.
    #[error(transparent)]
    Store(StoreError),
}

/// Why [`Resources::access_token`](crate::Resources::access_token) has no token.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessTokenError {
    /// Other work on the resource's tokens, in this process or another, takes too long: try again.
    #[error("timed out waiting for other work on the resource's tokens; try again")]
    Busy,
    /// The resource is deprovisioned, or about to be: delete what you keep of it.
    #[error("the resource is deprovisioned")]
    Deprovisioned,
    /// Heroku did not renew the token. The source says why: try again if Heroku is unavailable.
    #[error("heroku did not renew the token")]
    Heroku(#[source] HerokuError),
    /// Another change of the resource, or the end of the process, interrupted the work: try again.
    #[error("the renewal was interrupted; try again")]
    Interrupted,
    /// There is no working grant: the resource was registered without one, or Heroku refused its refresh
    /// token. Register it with a new grant.
    #[error("the resource needs a new oauth grant")]
    NeedsGrant,
    /// The store is unavailable: try again.
    #[error(transparent)]
    Store(StoreError),
    /// No resource with this id is registered: register it, or correct the id.
    #[error("the resource is not registered")]
    UnknownResource,
}

impl LookupError {
    /// A status for the response of a handler: 404, 410, or 503 if a retry can succeed.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Deprovisioned => StatusCode::GONE,
            Self::UnknownResource => StatusCode::NOT_FOUND,
            Self::Interrupted | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl RefreshError {
    /// A status for the response of a handler: 404, 410, 429 over the budget, 502 if Heroku gave no usable
    /// answer, or 503.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Deprovisioned => StatusCode::GONE,
            Self::Heroku(_) => StatusCode::BAD_GATEWAY,
            Self::OverBudget { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::UnknownResource => StatusCode::NOT_FOUND,
            Self::Busy
            | Self::Dormant
            | Self::Interrupted
            | Self::NeedsGrant
            | Self::Slow { .. }
            | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// How long to wait before a retry; none if a retry alone does not help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Deprovisioned | Self::NeedsGrant | Self::UnknownResource => None,
            Self::Dormant => Some(SyncError::Dormant.retry_after()),
            Self::Heroku(error) => Some(SyncError::Heroku(error.clone()).retry_after()),
            Self::OverBudget { retry_after } => Some((*retry_after).max(Duration::from_secs(1))),
            Self::Busy | Self::Interrupted | Self::Slow { .. } | Self::Store(_) => {
                Some(Duration::from_secs(10))
            }
        }
    }
}

impl RegisterError {
    /// A status for the response of a handler: 410, 502 if Heroku did not exchange the code, or 503 if a
    /// retry can succeed.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Deprovisioned => StatusCode::GONE,
            Self::Heroku(_) => StatusCode::BAD_GATEWAY,
            Self::Busy | Self::Interrupted | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl DeprovisionError {
    /// A status for the response of a handler: 503, as a retry can succeed.
    pub fn status(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

impl AccessTokenError {
    /// A status for the response of a handler: 404, 410, 502 if Heroku did not renew the token, or 503.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Deprovisioned => StatusCode::GONE,
            Self::Heroku(_) => StatusCode::BAD_GATEWAY,
            Self::UnknownResource => StatusCode::NOT_FOUND,
            Self::Busy | Self::Interrupted | Self::NeedsGrant | Self::Store(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

impl From<SyncError> for LookupError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Gone => Self::Deprovisioned,
            SyncError::Store(error) => Self::Store(error),
            SyncError::UnknownResource => Self::UnknownResource,
            // A look-up needs neither a fetch nor a token.
            _ => Self::Interrupted,
        }
    }
}

impl From<SyncError> for RefreshError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Busy => Self::Busy,
            SyncError::Dormant => Self::Dormant,
            SyncError::Gone => Self::Deprovisioned,
            SyncError::Heroku(error) => Self::Heroku(error),
            SyncError::NeedsGrant | SyncError::NoTokens => Self::NeedsGrant,
            SyncError::OverBudget { retry_after } => Self::OverBudget { retry_after },
            SyncError::Slow { limit } => Self::Slow { limit },
            SyncError::Store(error) => Self::Store(error),
            SyncError::UnknownResource => Self::UnknownResource,
            // The last two are decisions about a user; a fetch makes none.
            SyncError::Interrupted | SyncError::MembersWithheld | SyncError::NoUsableList => {
                Self::Interrupted
            }
        }
    }
}

impl From<SyncError> for RegisterError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Busy => Self::Busy,
            SyncError::Gone => Self::Deprovisioned,
            SyncError::Heroku(error) => Self::Heroku(error),
            SyncError::Store(error) => Self::Store(error),
            // Another process removed the resource at the same time. A registration needs no list.
            _ => Self::Interrupted,
        }
    }
}

impl From<SyncError> for DeprovisionError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Busy => Self::Busy,
            SyncError::Store(error) => Self::Store(error),
            // Neither Heroku nor the state of the resource matters.
            _ => Self::Interrupted,
        }
    }
}

impl From<SyncError> for AccessTokenError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Busy => Self::Busy,
            SyncError::Gone => Self::Deprovisioned,
            SyncError::Heroku(error) => Self::Heroku(error),
            SyncError::NeedsGrant | SyncError::NoTokens => Self::NeedsGrant,
            SyncError::Store(error) => Self::Store(error),
            SyncError::UnknownResource => Self::UnknownResource,
            // A token needs no list.
            _ => Self::Interrupted,
        }
    }
}
