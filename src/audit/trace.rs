//! Audit events as `tracing` events.

use heroku_sso_store::Role;

use super::{AuditEvent, AuditKind};
use crate::access::Roles;

const TARGET: &str = "tower_heroku_sso::audit";

macro_rules! write_at {
    ($level:ident, $event:expr, $text:expr) => {{
        let event: &AuditEvent = $event;
        let (roles, roles_before) = (text_of(&event.roles), text_of(&event.roles_before));
        tracing::$level!(
            target: TARGET,
            event = event.event.as_str(),
            version = event.version,
            resource = event.resource.map(tracing::field::display),
            email = event.email.as_ref().map(tracing::field::display),
            email_before = event.email_before.as_ref().map(tracing::field::display),
            user_id = event.user_id.as_ref().map(tracing::field::display),
            user_id_before = event.user_id_before.as_ref().map(tracing::field::display),
            roles = roles.as_deref(),
            roles_before = roles_before.as_deref(),
            proof = event.proof.map(|proof| proof.as_str()),
            session = event.session.as_deref(),
            request_id = event.request_id.as_deref(),
            verdict = event.verdict.as_deref(),
            reason = event.reason.as_deref(),
            outcome = event.outcome.as_deref(),
            resources = event.resources,
            sessions = event.sessions,
            message = $text,
        );
    }};
}

/// Writes the event at the level of its kind. If an operator must act, the message says what to do.
pub(super) fn write(event: &AuditEvent) {
    match event.event {
        AuditKind::NeedsGrant => write_at!(
            error,
            event,
            "heroku refused the refresh token: this resource needs a new grant, and its list is used until \
             it is too old. If many resources are affected together, HEROKU_CLIENT_SECRET is wrong"
        ),
        AuditKind::DormancyBraked => write_at!(
            error,
            event,
            "heroku reports too many resources as missing: none of them is ended, and no further one becomes \
             dormant (logged once an hour). Check HEROKU_API_URL and HEROKU_CLIENT_SECRET"
        ),
        AuditKind::ResourceDormant => write_at!(
            warn,
            event,
            "resource is dormant: access is suspended, nothing is lost; an answer from heroku or a new grant \
             revives it"
        ),
        AuditKind::UnsignedEmail => write_at!(
            warn,
            event,
            "signed in by a token that does not cover the email"
        ),
        _ => write_at!(info, event, tracing::field::Empty),
    }
}

fn text_of(roles: &Option<Roles>) -> Option<String> {
    let roles = roles.as_ref()?.iter().map(Role::as_str);
    Some(roles.collect::<Vec<_>>().join(","))
}
