//! The access check of every request: its session, and then its user by the newest list.

use std::sync::Arc;

use super::close_session::close;
use super::paths::SessionScope;
use super::rejection::Rejection;
use super::rejection_record::{Cause, RejectionRecord};
use super::session_handle::SessionHandle;
use super::state::GateState;
use super::target::Target;
use super::unavailable::{out_of_time, sessions_unavailable};
use super::user::Origin;
use super::{HerokuUser, RejectionKind};
use crate::clock::{Budget, Reading};
use crate::lifespan::End;
use crate::session::{Credential, Grant, SessionRef};
use crate::sync::{Denial, Strictness, SyncError};

/// Checks a request by cached session and list, without waiting. Most requests end here.
pub(super) fn check_cached(
    gate: &Arc<GateState>,
    credential: &Credential<'_>,
    target: &Target,
    mount: &str,
) -> Option<HerokuUser> {
    let at = Reading::of(gate.directory.clock());
    let known = gate.sessions.find_cached(credential, at.elapsed)?;
    let grant = &known.grant;
    if !target.allows(&grant.resource) {
        return None;
    }
    let (resource, who, start) = (&grant.resource, grant.principal(), grant.start());
    let authorizer = gate.directory.authorizer();
    let access = authorizer.authorize_cached(&known.list, resource, who, &start, at)?;
    let session = SessionHandle::new(Arc::clone(gate), known.session.clone(), Arc::clone(grant));
    let list = Arc::clone(&access.list.snapshot);
    let user = HerokuUser::new(Origin::Gate(session), list, access.listed, mount);
    Some(user)
}

/// `mount` is the prefix that an outer router removed from the path. The caller records a rejection.
///
/// Looks up the session in the session store, and checks its user against the newest list. One list
/// decides the whole request, even if a newer one arrives in the meantime. All of this happens within the
/// budget.
pub(super) async fn check(
    gate: &Arc<GateState>,
    credential: Option<Credential<'static>>,
    target: &Target,
    mount: &str,
    budget: Budget,
) -> Result<HerokuUser, Rejection> {
    let credential = credential.ok_or_else(|| without_credential(gate, target.scope))?;
    let checked = check_session(gate, &credential, target, mount, budget);
    let checked = budget.within(checked).await;
    let checked = checked.unwrap_or_else(|| Err(out_of_time(gate.reasons, "check")));
    checked.map_err(|rejection| match credential.is_cookie() {
        true => rejection,
        false => rejection.of_bearer(),
    })
}

fn without_credential(gate: &GateState, scope: SessionScope) -> Rejection {
    let rejection = Rejection::new(RejectionKind::NoSession);
    if scope == SessionScope::None {
        let why = "this path belongs to no resource";
        return gate.reasons.add(rejection, &why);
    }
    let name = gate.cookies.session.name(scope.resource());
    gate.reasons.add(
        rejection,
        &format_args!("no cookie `{name}` came with the request"),
    )
}

async fn check_session(
    gate: &Arc<GateState>,
    credential: &Credential<'static>,
    target: &Target,
    mount: &str,
    budget: Budget,
) -> Result<HerokuUser, Rejection> {
    let reasons = gate.reasons;
    // Rejections never clear the cookie: the browser may already hold one from a later sign-in.
    let turn_away = |kind, why: &str| reasons.add(Rejection::new(kind), &why);
    let found = gate.sessions.find(credential).await;
    let found = found.map_err(|error| sessions_unavailable(reasons, &error))?;
    let Some((session, grant)) = found else {
        let why = "no such session: signed out, ended as its user left the list, swept, of another store or \
                   key, or lost in a restart because sessions were in memory";
        return Err(turn_away(RejectionKind::NoSession, why));
    };
    if !target.allows(&grant.resource) {
        // A cookie under this resource's name that no gate set, another resource's bearer token, or a session
        // of the app for another resource than the gate's.
        let why = "the session belongs to another resource";
        let reason = Some("other_resource");
        let record = RejectionRecord::of_request(&grant, session.key(), Cause::Other, reason);
        return Err(record.attach_to(turn_away(RejectionKind::OtherResource, why)));
    }
    let (who, start, left) = (grant.principal(), grant.start(), budget.left());
    let (resource, strictness) = (&grant.resource, Strictness::REQUEST);
    let authorizer = gate.directory.authorizer();
    let access = authorizer.authorize(resource, who, Some(&start), strictness, left);
    let access = match access.await {
        Ok(access) => access,
        Err(denial) => return Err(deny(gate, &session, &grant, &denial).await),
    };
    // The session may have been closed while the list was fetched.
    if gate.sessions.was_closed(&session) {
        let why = "signed out while this request was in progress";
        return Err(turn_away(RejectionKind::NoSession, why));
    }
    let session = SessionHandle::new(Arc::clone(gate), session, grant);
    let list = Arc::clone(&access.list.snapshot);
    let user = HerokuUser::new(Origin::Gate(session), list, access.listed, mount);
    Ok(user)
}

/// The rejection for a denied request. Closes the session where the denial ends it; an expired session
/// needs no closing.
async fn deny(gate: &GateState, session: &SessionRef, grant: &Grant, denial: &Denial) -> Rejection {
    let (closes_session, audited, rejection) = match denial {
        Denial::NotListed => (true, Some("not_listed"), RejectionKind::NotListed.into()),
        Denial::OtherAccount => (true, Some("other_account"), RejectionKind::NotListed.into()),
        // The account has a new email: the user signs in again with it.
        Denial::EmailChanged => (
            true,
            Some("email_changed"),
            RejectionKind::SessionEnded.into(),
        ),
        Denial::Revoked => (true, Some("revoked"), RejectionKind::SessionEnded.into()),
        Denial::Removed => (true, Some("removed"), RejectionKind::SessionEnded.into()),
        Denial::SessionOver(End::Unused) | Denial::Gone => {
            (true, None, RejectionKind::SessionEnded.into())
        }
        // Its record and its cookie expire on their own.
        Denial::SessionOver(End::LongestLife) => (false, None, RejectionKind::SessionEnded.into()),
        // It belongs to another deployment on the same session store. It must be neither used nor ended
        // here.
        Denial::UnknownResource => (false, None, RejectionKind::NoSession.into()),
        Denial::Dormant => {
            let wait = SyncError::Dormant.retry_after();
            (false, None, Rejection::cannot_check(wait))
        }
        Denial::Unavailable(error) => (false, None, Rejection::cannot_check(error.retry_after())),
    };
    if closes_session {
        close(&gate.sessions, session).await;
    }
    let record = RejectionRecord::of_request(grant, session.key(), Cause::from(denial), audited);
    gate.reasons
        .add(record.attach_to(rejection), &denial.reason())
}
