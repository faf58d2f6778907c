//! What is recorded, and from which facts.

use heroku_sso_store::{AbsenceKind, Email, ResourceId, SessionKey, UserId};

use super::trace;
use super::{AuditEvent, AuditHook, AuditKind, RequestId};
use crate::access::ListChange;
use crate::clock::SharedClock;
use crate::heroku::HerokuError;
use crate::sso::Proof;

/// How many digits of a session's public name are recorded.
const SESSION_DIGITS: usize = 16;

/// Records audit events: in the log, and for the partner's function. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct AuditLog {
    clock: SharedClock,
    hook: Option<AuditHook>,
}

/// The user and the session that an event is about, as far as they are known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subject<'a> {
    pub(crate) resource: Option<&'a ResourceId>,
    pub(crate) email: Option<&'a Email>,
    pub(crate) user_id: Option<&'a UserId>,
    pub(crate) proof: Option<Proof>,
    pub(crate) session: Option<&'a SessionKey>,
}

impl AuditLog {
    pub(crate) fn new(clock: SharedClock, hook: Option<AuditHook>) -> Self {
        Self { clock, hook }
    }

    /// If the token does not cover the email, a second event says so.
    pub(crate) fn signed_in(&self, who: &Subject<'_>, request: &RequestId) {
        let event = self.about(AuditKind::SignedIn, who, request);
        let unsigned = (who.proof == Some(Proof::UnsignedEmail)).then(|| AuditEvent {
            event: AuditKind::UnsignedEmail,
            ..event.clone()
        });
        self.record(event);
        if let Some(event) = unsigned {
            self.record(event);
        }
    }

    /// A request ([`AuditKind::RequestRejected`]) or a sign-in.
    pub(crate) fn rejected(
        &self,
        kind: AuditKind,
        who: &Subject<'_>,
        request: &RequestId,
        reason: &str,
    ) {
        self.record(AuditEvent {
            reason: Some(reason.to_owned()),
            ..self.about(kind, who, request)
        });
    }

    /// A request ([`AuditKind::RequestObserved`]) or a form that the gate did not reject because it observes.
    pub(crate) fn observed(
        &self,
        kind: AuditKind,
        who: &Subject<'_>,
        request: &RequestId,
        verdict: &'static str,
        reason: Option<&str>,
    ) {
        self.record(AuditEvent {
            verdict: Some(verdict.to_owned()),
            reason: reason.map(str::to_owned),
            ..self.about(kind, who, request)
        });
    }

    pub(crate) fn signed_out(&self, who: &Subject<'_>, request: &RequestId) {
        self.record(self.about(AuditKind::SignedOut, who, request));
    }

    pub(crate) fn revoked(&self, resource: &ResourceId, email: &Email) {
        self.record(AuditEvent {
            email: Some(email.clone()),
            ..self.of(AuditKind::Revoked, resource)
        });
    }

    /// The sessions of all users at the resource.
    pub(crate) fn all_revoked(&self, resource: &ResourceId) {
        self.record(self.of(AuditKind::AllRevoked, resource));
    }

    /// Ended by the partner's own code. `of` is none unless the store has the session's record.
    pub(crate) fn session_ended(&self, of: Option<(&ResourceId, &Email)>, key: &SessionKey) {
        let event = AuditEvent::new(AuditKind::SessionEnded, self.clock.now());
        self.record(AuditEvent {
            resource: of.map(|(resource, _)| *resource),
            email: of.map(|(_, email)| email.clone()),
            session: Some(name_of(key)),
            ..event
        });
    }

    /// Does not name the person.
    pub(crate) fn person_erased(&self, sessions: usize) {
        let event = AuditEvent::new(AuditKind::PersonErased, self.clock.now());
        self.record(AuditEvent {
            sessions: u64::try_from(sessions).ok(),
            ..event
        });
    }

    pub(crate) fn needs_grant(&self, resource: &ResourceId, error: &HerokuError) {
        self.record(AuditEvent {
            reason: Some(error.to_string()),
            ..self.of(AuditKind::NeedsGrant, resource)
        });
    }

    /// Heroku has requested a resource's provisioning, another plan, or its deprovisioning.
    pub(crate) fn partner_call(
        &self,
        event: AuditKind,
        resource: &ResourceId,
        outcome: &'static str,
    ) {
        self.record(AuditEvent {
            outcome: Some(outcome.to_owned()),
            ..self.of(event, resource)
        });
    }

    /// The caller of the Partner API is not Heroku. Nothing that it sent is recorded but its request id.
    pub(crate) fn partner_call_rejected(&self, request: &RequestId, credentials: &'static str) {
        let unknown = Subject::default();
        self.record(AuditEvent {
            reason: Some(credentials.to_owned()),
            ..self.about(AuditKind::PartnerCallRejected, &unknown, request)
        });
    }

    pub(crate) fn resource_gone(&self, resource: &ResourceId) {
        self.record(self.of(AuditKind::ResourceGone, resource));
    }

    pub(crate) fn resource_dormant(&self, resource: &ResourceId, kind: AbsenceKind) {
        let reason = match kind {
            AbsenceKind::NotFound => "not_found",
            AbsenceKind::GrantRefused => "grant_refused",
        };
        self.record(AuditEvent {
            reason: Some(reason.to_owned()),
            ..self.of(AuditKind::ResourceDormant, resource)
        });
    }

    pub(crate) fn resource_revived(&self, resource: &ResourceId) {
        self.record(self.of(AuditKind::ResourceRevived, resource));
    }

    pub(crate) fn dormancy_braked(&self, resources: u64) {
        let event = AuditEvent::new(AuditKind::DormancyBraked, self.clock.now());
        self.record(AuditEvent {
            resources: Some(resources),
            ..event
        });
    }

    pub(crate) fn list_changed(&self, resource: &ResourceId, change: &ListChange) {
        let (event, email) = match change {
            ListChange::AccountKnown(member) => (AuditKind::AccountKnown, &member.email),
            ListChange::AccountReplaced { to, .. } => (AuditKind::AccountReplaced, &to.email),
            ListChange::AccountUnknown { member, .. } => (AuditKind::AccountUnknown, &member.email),
            ListChange::Added(member) => (AuditKind::MemberAdded, &member.email),
            ListChange::EmailChanged { to, .. } => (AuditKind::EmailChanged, &to.email),
            ListChange::Removed(email) => (AuditKind::MemberRemoved, email),
            ListChange::RoleChanged { email, .. } => (AuditKind::RoleChanged, email),
        };
        let mut event = AuditEvent {
            email: Some(email.clone()),
            ..self.of(event, resource)
        };
        match change {
            ListChange::AccountKnown(member)
            | ListChange::AccountReplaced { to: member, .. }
            | ListChange::AccountUnknown { member, .. }
            | ListChange::Added(member)
            | ListChange::EmailChanged { to: member, .. } => {
                event.user_id.clone_from(&member.user_id);
                event.roles = Some(member.roles().clone());
            }
            ListChange::Removed(_) => {}
            ListChange::RoleChanged { from, to, .. } => {
                event.roles_before = Some(from.clone());
                event.roles = Some(to.clone());
            }
        }
        match change {
            ListChange::AccountReplaced { from, .. } | ListChange::AccountUnknown { from, .. } => {
                event.user_id_before = Some(from.clone());
            }
            ListChange::EmailChanged { from, .. } => event.email_before = Some(from.clone()),
            _ => {}
        }
        self.record(event);
    }

    fn of(&self, event: AuditKind, resource: &ResourceId) -> AuditEvent {
        AuditEvent {
            resource: Some(*resource),
            ..AuditEvent::new(event, self.clock.now())
        }
    }

    fn about(&self, event: AuditKind, who: &Subject<'_>, request: &RequestId) -> AuditEvent {
        // The account of an email that Heroku did not sign is that of its owner, not of this user.
        let is_claimed = who.proof == Some(Proof::UnsignedEmail);
        AuditEvent {
            resource: who.resource.copied(),
            email: who.email.cloned(),
            user_id: who.user_id.filter(|_| !is_claimed).cloned(),
            proof: who.proof,
            session: who.session.map(name_of),
            request_id: Some(request.text()),
            ..AuditEvent::new(event, self.clock.now())
        }
    }

    fn record(&self, event: AuditEvent) {
        trace::write(&event);
        if let Some(hook) = &self.hook {
            hook.send(event, &self.clock);
        }
    }
}

/// The beginning of a session's public name.
fn name_of(session: &SessionKey) -> String {
    let name = session.as_str();
    name.get(..SESSION_DIGITS).unwrap_or(name).to_owned()
}
