//! Audit events: sign-ins, rejections and removals. Target `tower_heroku_sso::audit`.
//!
//! These are the only events that name people. Send this target only to systems that may hold personal data.

use crate::access::{Email, ListChange};
use crate::heroku::HerokuError;
use crate::ids::ResourceId;
use crate::sso::Proof;
use crate::store::author::{AbsenceKind, SessionKey};

const TARGET: &str = "tower_heroku_sso::audit";

pub(crate) fn signed_in(resource: &ResourceId, email: &Email, proof: Proof) {
    tracing::info!(target: TARGET, event = "signed_in", %resource, %email, ?proof);
    if proof == Proof::UnsignedEmail {
        tracing::warn!(
            target: TARGET, event = "unsigned_email", %resource, %email,
            "signed in by a token that does not cover the email"
        );
    }
}

pub(crate) fn sign_in_rejected(
    resource: Option<&ResourceId>,
    email: Option<&Email>,
    reason: &dyn std::fmt::Display,
) {
    let resource = resource.map(tracing::field::display);
    let email = email.map(tracing::field::display);
    tracing::info!(target: TARGET, event = "sign_in_rejected", resource, email, %reason);
}

pub(crate) fn request_rejected(resource: &ResourceId, email: &Email, reason: &str) {
    tracing::info!(target: TARGET, event = "request_rejected", %resource, %email, reason);
}

pub(crate) fn signed_out(resource: &ResourceId, email: &Email) {
    tracing::info!(target: TARGET, event = "signed_out", %resource, %email);
}

pub(crate) fn revoked(resource: &ResourceId, email: &Email) {
    tracing::info!(target: TARGET, event = "revoked", %resource, %email);
}

/// The sessions of all users at the resource.
pub(crate) fn all_revoked(resource: &ResourceId) {
    tracing::info!(target: TARGET, event = "all_revoked", %resource);
}

/// By the partner's own code. The session is named by its hash.
pub(crate) fn session_ended(resource: &ResourceId, email: &Email, session: &SessionKey) {
    let session = session.as_str();
    tracing::info!(target: TARGET, event = "session_ended", %resource, %email, session);
}

/// Does not name the person.
pub(crate) fn person_erased(sessions: usize) {
    tracing::info!(target: TARGET, event = "person_erased", sessions);
}

pub(crate) fn needs_grant(resource: &ResourceId, error: &HerokuError) {
    tracing::error!(
        target: TARGET, event = "needs_grant", %resource, %error,
        "heroku refused the refresh token: this resource needs a new grant, and its list is used \
         until it is too old. If many resources are affected together, HEROKU_CLIENT_SECRET is wrong"
    );
}

/// Heroku has requested a resource's provisioning, another plan, or its deprovisioning.
pub(crate) fn partner_call(event: &'static str, resource: &ResourceId, outcome: &'static str) {
    tracing::info!(target: TARGET, event, %resource, outcome);
}

/// The caller of the Partner API is not Heroku. Nothing that it sent is logged.
pub(crate) fn partner_call_rejected(credentials: &'static str) {
    tracing::info!(target: TARGET, event = "partner_call_rejected", credentials);
}

pub(crate) fn resource_gone(resource: &ResourceId) {
    tracing::info!(target: TARGET, event = "resource_gone", %resource);
}

pub(crate) fn resource_dormant(resource: &ResourceId, kind: AbsenceKind) {
    tracing::warn!(
        target: TARGET, event = "resource_dormant", %resource, ?kind,
        "resource is dormant: access is suspended, nothing is lost; an answer from heroku or a new grant \
         revives it"
    );
}

pub(crate) fn resource_revived(resource: &ResourceId) {
    tracing::info!(target: TARGET, event = "resource_revived", %resource);
}

pub(crate) fn dormancy_braked(resources: u64) {
    tracing::error!(
        target: TARGET, event = "dormancy_braked", resources,
        "heroku reports too many resources as missing: none of them is ended, and no further one \
         becomes dormant (logged once an hour). Check HEROKU_API_URL and HEROKU_CLIENT_SECRET"
    );
}

pub(crate) fn list_changed(resource: &ResourceId, change: &ListChange) {
    let (event, email, email_before) = match change {
        ListChange::AccountKnown(member) => ("account_known", &member.email, None),
        ListChange::AccountReplaced { to, .. } => ("account_replaced", &to.email, None),
        ListChange::AccountUnknown { member, .. } => ("account_unknown", &member.email, None),
        ListChange::Added(member) => ("member_added", &member.email, None),
        ListChange::EmailChanged { from, to } => ("email_changed", &to.email, Some(from)),
        ListChange::Removed(email) => ("member_removed", email, None),
        ListChange::RoleChanged { email, .. } => ("role_changed", email, None),
    };
    let email_before = email_before.map(tracing::field::display);
    tracing::info!(target: TARGET, event, %resource, %email, email_before);
}
