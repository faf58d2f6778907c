//! Runs the checks of observed requests so that no failure in them reaches the app, and records the verdicts.

use std::fmt;
use std::sync::Arc;

use heroku_sso_store::ResourceId;
use tokio::sync::Semaphore;
use tokio::sync::oneshot::{self, Sender};

use super::observed::{Observed, Verdict};
use super::rejection::Rejection;
use super::rejection_kind::RejectionKind;
use super::rejection_record::{Cause, RejectionRecord};
use super::user::HerokuUser;
use crate::audit::{AuditKind, AuditLog, RequestId, Subject};
use crate::clock::{Budget, SharedClock};
use crate::meter;
use crate::readiness::{Observations, Seen, What};

/// How many observed requests may be checked at the same time, including those that no request waits for any
/// more. A request beyond that is undecided.
const CONCURRENT_CHECKS: usize = 1024;

/// Observes the requests of one gate.
pub(crate) struct Observer {
    checks: Arc<Semaphore>,
    clock: SharedClock,
    audit: AuditLog,
    observations: Observations,
}

impl Observer {
    pub(super) fn new(clock: SharedClock, audit: AuditLog) -> Self {
        Self {
            checks: Arc::new(Semaphore::new(CONCURRENT_CHECKS)),
            observations: Observations::new(clock.now()),
            clock,
            audit,
        }
    }

    /// What was observed so far.
    pub(crate) fn observations(&self) -> &Observations {
        &self.observations
    }

    /// Runs `work`, and returns its answer if that arrives within the budget. None also if too much work is
    /// running. The work has a task of its own, so that it can neither block nor panic the request. It
    /// continues when its answer is late, because what it learns of a store or of Heroku helps the next
    /// request.
    pub(super) async fn ask<T, W>(
        &self,
        budget: Budget,
        work: impl FnOnce(Sender<T>) -> W,
    ) -> Option<T>
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let check = Arc::clone(&self.checks).try_acquire_owned().ok()?;
        let (sender, answer) = oneshot::channel();
        let work = work(sender);
        tokio::spawn(async move {
            work.await;
            drop(check);
        });
        budget.within(answer).await?.ok()
    }

    /// Records the verdict on a request. `resource` is the one that the request names, if it names one.
    pub(super) fn request(
        &self,
        resource: Option<ResourceId>,
        answer: Option<Result<HerokuUser, Rejection>>,
        id: &RequestId,
    ) -> Observed {
        match answer {
            Some(Ok(user)) => {
                self.count(What::Request, Verdict::Allowed);
                Observed::allowed(user)
            }
            Some(Err(rejection)) => self.rejected(What::Request, resource, &rejection, id),
            None => self.undecided(What::Request, resource, id),
        }
    }

    /// Records the verdict on a sign-in. The answer is the resource that was signed in to.
    pub(super) fn sign_in(
        &self,
        answer: Option<Result<ResourceId, Rejection>>,
        id: &RequestId,
    ) -> Observed {
        match answer {
            Some(Ok(resource)) => {
                self.count(What::SignIn, Verdict::Allowed);
                Observed::new(Verdict::Allowed, Some(resource))
            }
            Some(Err(rejection)) => self.rejected(What::SignIn, None, &rejection, id),
            None => self.undecided(What::SignIn, None, id),
        }
    }

    fn rejected(
        &self,
        what: What,
        resource: Option<ResourceId>,
        rejection: &Rejection,
        id: &RequestId,
    ) -> Observed {
        let verdict = verdict_of(rejection);
        let record = rejection.record.as_deref();
        if let Some(record) = record {
            self.note_cause(what, record);
        }
        // A request without any session is not worth an event.
        let reason = record.and_then(|record| record.reason.as_deref());
        let reason = match verdict {
            Verdict::Rejected(kind) => Some(reason.unwrap_or(kind.code())),
            _ => reason,
        };
        if reason.is_some() {
            let who = record.map_or_else(Subject::default, RejectionRecord::subject);
            let kind = event_of(what);
            self.audit.observed(kind, &who, id, verdict.code(), reason);
        }
        self.count(what, verdict);
        let known = record.and_then(|record| record.resource);
        Observed::new(verdict, known.or(resource))
    }

    fn undecided(&self, what: What, resource: Option<ResourceId>, id: &RequestId) -> Observed {
        let verdict = Verdict::Undecided;
        let who = Subject {
            resource: resource.as_ref(),
            ..Subject::default()
        };
        let kind = event_of(what);
        self.audit.observed(kind, &who, id, verdict.code(), None);
        self.count(what, verdict);
        Observed::new(verdict, resource)
    }

    fn count(&self, what: What, verdict: Verdict) {
        let of = match what {
            What::Request => "request",
            What::SignIn => "sign_in",
        };
        let reason = verdict.rejection().map_or("", RejectionKind::code);
        meter::observation(of, verdict.code(), reason);
        let now = self.clock.now();
        self.observations.count(what, verdict.into(), now);
    }

    fn note_cause(&self, what: What, record: &RejectionRecord) {
        let observations = &self.observations;
        match (what, record.cause, record.resource, &record.email) {
            (_, Cause::OffList, Some(resource), Some(email)) => {
                observations.note_off_list(resource, email);
            }
            // A session's resource was registered.
            (What::SignIn, Cause::UnknownResource, Some(resource), _) => {
                observations.note_unregistered(resource);
            }
            (_, Cause::Unsigned, ..) => observations.note_unsigned(),
            _ => {}
        }
    }
}

fn event_of(what: What) -> AuditKind {
    match what {
        What::Request => AuditKind::RequestObserved,
        What::SignIn => AuditKind::SignInObserved,
    }
}

impl From<Verdict> for Seen {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allowed => Self::Allowed,
            Verdict::Rejected(kind) => Self::Rejected(kind.code()),
            Verdict::SignInNeeded(_) => Self::SignInNeeded,
            Verdict::Undecided => Self::Undecided,
        }
    }
}

/// Without a valid session the verdict is not a rejection: an enforced gate leads the browser through Heroku,
/// and its user may well have access.
fn verdict_of(rejection: &Rejection) -> Verdict {
    match rejection.kind {
        kind @ (RejectionKind::NoSession | RejectionKind::SessionEnded) if !rejection.is_bearer => {
            Verdict::SignInNeeded(kind)
        }
        kind => Verdict::Rejected(kind),
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}
