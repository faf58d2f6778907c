//! The partner's own part of provisioning.

use std::collections::BTreeMap;
use std::future::Future;

use super::{PlanChange, Provision};
use crate::ids::ResourceId;

/// What happens at the partner's when Heroku provisions, changes or deprovisions a resource.
///
/// Heroku delivers at least once: each method must be able to run again for the same resource. One of them
/// runs at a time per resource: within a process always, across processes as long as they hold their lease
/// (a store that is away for ten seconds can lose it). What has begun runs to its end, also if Heroku hangs
/// up. The defaults do nothing, successfully.
pub trait Addon: Send + Sync + 'static {
    /// Sets up what the resource needs. Its tokens work by now.
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

    /// Moves the resource to another plan, or to the one it has.
    ///
    /// # Errors
    /// [`AddonError`]: the plan stays as it was.
    fn change_plan(
        &self,
        request: PlanChange,
    ) -> impl Future<Output = Result<Outcome, AddonError>> + Send {
        let _ = request;
        async { Ok(Outcome::done()) }
    }

    /// Takes down what the resource had. Only Heroku's DELETE calls it. Access ends when it succeeds; with
    /// [`Outcome::Later`] the tokens work until
    /// [`HerokuSso::deprovision`](crate::HerokuSso::deprovision).
    ///
    /// It succeeds once: after that DELETE is answered with 410. If the process stops before its success is
    /// stored, it is called again for the same resource, so it **must be idempotent**. It may also be
    /// called for a resource that has ended before, by [`HerokuSso::deprovision`] or after a long absence.
    ///
    /// # Errors
    /// [`AddonError`]: nothing has changed, and Heroku asks again.
    ///
    /// [`HerokuSso::deprovision`]: crate::HerokuSso::deprovision
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

/// How it went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It is done.
    #[non_exhaustive]
    Done {
        /// Config vars for the customer's app, by name; only those that changed.
        config: BTreeMap<String, String>,
        /// Where Heroku is to send the app's log, for an add-on whose manifest `requires`
        /// `syslog_drain`. In the answer to a provisioning only.
        log_drain_url: Option<String>,
        /// Shown to the customer.
        message: Option<String>,
    },
    /// It has begun (202). The partner tells Heroku when it is done, within 12 hours: by
    /// `POST /addons/:uuid/actions/provision` or `…/deprovision`, with
    /// [`HerokuSso::access_token`](crate::HerokuSso::access_token).
    #[non_exhaustive]
    Later {
        /// Shown to the customer.
        message: Option<String>,
    },
}

impl Outcome {
    /// Done, with nothing to tell.
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

    /// With the address that Heroku is to send the app's log to: `https` or `syslog+tls`, told apart by
    /// [`Provision::log_drain_token`], which comes with each line. For an add-on whose manifest `requires`
    /// `syslog_drain`, and for [`Addon::provision`] only; what is [`Later`](Self::Later) has the drain
    /// added by the Platform API.
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

    /// With a sentence for the customer.
    #[must_use]
    pub fn with_message(mut self, text: impl Into<String>) -> Self {
        let (Self::Done { message, .. } | Self::Later { message }) = &mut self;
        *message = Some(text.into());
        self
    }
}

/// Why it did not go.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddonError {
    /// It cannot be done (422). The customer reads the message.
    #[error("rejected: {0}")]
    Rejected(String),
    /// It cannot be done now (503). The customer reads the message.
    #[error("try later: {0}")]
    TryLater(String),
}
