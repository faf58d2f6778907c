//! The session of an admitted request, and when the access that it gives ends.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::broadcast::error::RecvError;
use url::Url;

use super::on_rejection::OnRejection;
use super::paths::Paths;
use super::rejection_record::{Cause, RejectionRecord};
use super::state::GateState;
use crate::audit::{AuditKind, RequestId};
#[cfg(feature = "axum")]
use crate::config::Streams;
use crate::error_chain;
use crate::lifespan::Limits;
use crate::session::{Grant, OpenValues, SessionRef, SessionValues};
use crate::sync::{InUse, Watch};

/// One session at one gate, with its record as it was when it was looked up.
#[derive(Clone)]
pub(super) struct SessionHandle {
    gate: Arc<GateState>,
    session: SessionRef,
    grant: Arc<Grant>,
}

impl SessionHandle {
    pub(super) fn new(gate: Arc<GateState>, session: SessionRef, grant: Arc<Grant>) -> Self {
        Self {
            gate,
            session,
            grant,
        }
    }

    /// Records that this request was rejected after all.
    pub(super) fn audit_rejection(&self, request: &RequestId, reason: &str) {
        let key = self.session.key();
        let who = self.grant.subject(&key);
        let kind = AuditKind::RequestRejected;
        self.gate.audit().rejected(kind, &who, request, reason);
    }

    /// The record of a rejection that does not end the session.
    pub(super) fn record(&self, reason: &str) -> RejectionRecord {
        let key = self.session.key();
        RejectionRecord::of_request(&self.grant, key, Cause::Other, Some(reason))
    }

    #[cfg(feature = "jwt")]
    pub(super) fn session_ref(&self) -> &SessionRef {
        &self.session
    }

    /// True if the browser sent the session automatically, and accepts cookies.
    pub(super) fn is_of_cookie(&self) -> bool {
        !self.session.is_of_bearer()
    }

    pub(super) fn grant(&self) -> &Grant {
        &self.grant
    }

    pub(super) fn on_rejection(&self) -> &OnRejection {
        &self.gate.on_rejection
    }

    /// Where the user finds their apps.
    pub(super) fn heroku_dashboard(&self) -> &Url {
        self.gate.redirects.dashboard()
    }

    pub(super) fn paths(&self) -> &Paths {
        &self.gate.paths
    }

    /// The partner's own values in this session.
    pub(super) fn values(&self, values: &SessionValues) -> OpenValues {
        let latest_end = self.gate.sessions.latest_end(&self.grant);
        values.of(&self.session.key(), latest_end)
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.gate.sessions.limits
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        self.gate.directory.clock().now()
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.gate.directory.clock().elapsed()
    }

    /// As [`ended`](Self::ended), but looks only after this time.
    #[cfg(feature = "axum")]
    pub(super) async fn ended_after(self, time: Duration) {
        let clock = self.gate.directory.clock();
        clock.sleep(time).await;
        self.ended().await;
    }

    /// What happens to bodies when access ends.
    #[cfg(feature = "axum")]
    pub(super) fn streams(&self) -> Streams {
        self.gate.streams
    }

    /// Keeps the resource in use, for as long as the session can last.
    pub(super) fn hold(&self) -> Option<InUse> {
        let ends = self.gate.sessions.latest_end(&self.grant);
        let at_most = Duration::try_from(ends - self.now()).ok()?;
        InUse::begin(
            self.gate.directory.authorizer(),
            &self.grant.resource,
            at_most,
        )
    }

    /// Resolves when the session has ended, or its user has left the list. The resource is in use in the
    /// meantime.
    pub(super) async fn ended(self) {
        let _in_use = self.hold();
        let Self {
            gate,
            session,
            grant,
        } = self;
        let clock = gate.directory.clock();
        let key = session.key();
        let mut closings = gate.sessions.closings();
        let Ok(watch) = Watch::start(gate.directory.authorizer(), &grant.resource).await else {
            return;
        };
        let mut changes = watch.changes();
        loop {
            changes.mark_seen();
            if gate.sessions.was_closed(&session) {
                return;
            }
            let stay = async {
                // The list first: it is in memory, while a store may hang.
                let Some(left) = watch.may_stay(grant.principal(), &grant.start()).await else {
                    return false;
                };
                match gate.sessions.is_open(&session).await {
                    Ok(true) => {}
                    Ok(false) => return false,
                    // The list still decides.
                    Err(error) => {
                        tracing::warn!(
                            %error, cause = error_chain::of(&error),
                            "session could not be looked up; the list alone decides"
                        );
                    }
                }
                clock.sleep(left).await;
                true
            };
            let closed = async {
                loop {
                    match closings.recv().await {
                        Ok(closed) if closed == key => return,
                        Ok(_) => {}
                        Err(RecvError::Lagged(_) | RecvError::Closed) => return,
                    }
                }
            };
            // After any of these, the next round reads the current state.
            tokio::select! {
                may_stay = stay => if !may_stay { return },
                () = changes.next() => {}
                () = closed => {}
            }
        }
    }
}
