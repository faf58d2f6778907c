//! The partner's own code for provisioning.

use std::collections::BTreeMap;
use std::future::Future;

use heroku_sso_store::ResourceId;

use super::{PlanChange, Provision};

/// The partner's own work when Heroku provisions, changes or deprovisions a resource.
///
/// Heroku delivers at least once: each method must be able to run again for the same resource. For each
/// resource one method runs at a time. Within a process this always holds; across processes it holds as long
/// as they keep their lease, which they can lose if the store is unavailable for ten seconds. A method that
/// has begun runs to its end, even if Heroku disconnects. The default methods do nothing, and succeed.
pub trait Addon: Send + Sync + 'static {
    /// Creates what the resource needs. Its tokens already work.
    ///
    /// # Errors
    /// [`AddonError`]: the resource is not provisioned.
    fn provision(
        &self,
        request: Provision,
    ) -> impl Future<Output = Result<Outcome, AddonError>> + Send {
        let _ = request;
        async { Ok(Outcome::done()) }
    }

    /// Moves the resource to another plan, or to its current one.
    ///
    /// # Errors
    /// [`AddonError`]: the plan does not change.
    fn change_plan(
        &self,
        request: PlanChange,
    ) -> impl Future<Output = Result<Outcome, AddonError>> + Send {
        let _ = request;
        async { Ok(Outcome::done()) }
    }

    /// Removes what the resource had. Only Heroku's DELETE calls it. When it succeeds, access has ended; with
    /// [`Outcome::Later`] the tokens work until
    /// [`Resources::deprovision`](crate::Resources::deprovision).
    ///
    /// It succeeds once: the response to a later DELETE is 410. If the process stops before the success is
    /// stored, the method is called again for the same resource, so it **must be idempotent**. It may also be
    /// called for a resource that has ended before, by [`Resources::deprovision`] or after a long absence.
    ///
    /// # Errors
    /// [`AddonError`]: nothing has changed, and Heroku asks again.
    ///
    /// [`Resources::deprovision`]: crate::Resources::deprovision
    fn deprovision(
        &self,
        resource: ResourceId,
    ) -> impl Future<Output = Result<Outcome, AddonError>> + Send {
        let _ = resource;
        async { Ok(Outcome::done()) }
    }
}

/// An [`Addon`] that does nothing, for a dashboard that only needs to know its resources.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProvisioning;

impl Addon for NoProvisioning {}

/// The result of a method.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The work is done.
    #[non_exhaustive]
    Done {
        /// Config vars for the customer's app, by name; only those that changed.
        config: BTreeMap<String, String>,
        /// The address to which Heroku sends the app's log, for an add-on whose manifest `requires`
        /// `syslog_drain`. Only in the response to a provisioning.
        log_drain_url: Option<String>,
        /// Shown to the customer.
        message: Option<String>,
    },
    /// The work has begun (202). The partner tells Heroku when it is done, within 12 hours: by
    /// `POST /addons/:uuid/actions/provision` or `…/deprovision`, with
    /// [`Resources::access_token`](crate::Resources::access_token).
    #[non_exhaustive]
    Later {
        /// Shown to the customer.
        message: Option<String>,
    },
}

impl Outcome {
    /// Done, without further data.
    pub fn done() -> Self {
        Self::config([])
    }

    /// Done, with config vars for the customer's app.
    pub fn config(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::Done {
            config: vars.into_iter().collect(),
            log_drain_url: None,
            message: None,
        }
    }

    /// Adds the address to which Heroku sends the app's log: `https` or `syslog+tls`. Apps are
    /// distinguished by [`Provision::log_drain_token`], which comes with each line. For an add-on whose
    /// manifest `requires` `syslog_drain`, and for [`Addon::provision`] only. After [`Later`](Self::Later),
    /// add the drain through the Platform API.
    #[must_use]
    pub fn with_log_drain_url(mut self, url: impl Into<String>) -> Self {
        if let Self::Done { log_drain_url, .. } = &mut self {
            *log_drain_url = Some(url.into());
        }
        self
    }

    /// Begun, and not done yet.
    pub fn later() -> Self {
        Self::Later { message: None }
    }

    /// Adds a sentence for the customer.
    #[must_use]
    pub fn with_message(mut self, text: impl Into<String>) -> Self {
        let (Self::Done { message, .. } | Self::Later { message }) = &mut self;
        *message = Some(text.into());
        self
    }
}

/// Why a method failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddonError {
    /// The request cannot be fulfilled (422). The customer reads the message.
    #[error("rejected: {0}")]
    Rejected(String),
    /// The request cannot be fulfilled now (503). The customer reads the message.
    #[error("try later: {0}")]
    TryLater(String),
}
