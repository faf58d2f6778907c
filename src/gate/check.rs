//! The access check of every request.

use std::sync::Arc;

use http::HeaderMap;

use super::paths::SessionScope;
use super::refusal::Refusal;
use super::session_handle::SessionHandle;
use super::state::GateState;
use super::{HerokuUser, RefusalKind};
use crate::audit;
use crate::clock::{Budget, Reading};
use crate::lifespan::End;
use crate::session::{Credential, Grant, SessionRef};
use crate::sync::{Denial, Strictness, SyncError};

impl GateState {
    /// The credential that applies in this scope. A bearer token takes precedence over a cookie.
    pub(super) fn credential<'h>(
        &self,
        place: SessionScope,
        headers: &'h HeaderMap,
    ) -> Option<Credential<'h>> {
        if place == SessionScope::None {
            return None;
        }
        let bearer = self.bearer(headers);
        bearer.or_else(|| self.cookies.session_of(headers, place.resource()))
    }

    /// The bearer token in a request, if this gate accepts any.
    #[cfg(feature = "jwt")]
    pub(super) fn bearer<'h>(&self, headers: &'h HeaderMap) -> Option<Credential<'h>> {
        let takes_bearers = self.sessions.takes_bearers();
        takes_bearers.then(|| super::bearer::of(headers)).flatten()
    }

    #[cfg(not(feature = "jwt"))]
    pub(super) fn bearer<'h>(&self, _: &'h HeaderMap) -> Option<Credential<'h>> {
        None
    }

    /// Checks a request by cached session and list, without waiting. Most requests end here.
    pub(super) fn check_cached(
        self: &Arc<Self>,
        credential: &Credential<'_>,
        place: SessionScope,
        mount: &str,
    ) -> Option<HerokuUser> {
        let at = Reading::of(self.directory.clock());
        let known = self.sessions.find_cached(credential, at.elapsed)?;
        let grant = &known.grant;
        let is_here = place.resource().is_none_or(|here| *here == grant.resource);
        if !is_here {
            return None;
        }
        let (resource, who, start) = (&grant.resource, grant.principal(), grant.start());
        let access =
            self.directory
                .authorizer()
                .authorize_cached(&known.list, resource, who, &start, at)?;
        let visit = SessionHandle::new(Arc::clone(self), known.session.clone(), Arc::clone(grant));
        Some(HerokuUser::new(visit, access.listed, access.list, mount))
    }

    /// `mount` is the prefix that an outer router removed from the path.
    ///
    /// Looks up the session in the session store, and checks its user against the newest list. One list
    /// decides the whole request, even if a newer one arrives in the meantime. All of this happens within the
    /// budget.
    pub(super) async fn check(
        self: &Arc<Self>,
        credential: Option<Credential<'static>>,
        place: SessionScope,
        mount: String,
        budget: Budget,
    ) -> Result<HerokuUser, Refusal> {
        let credential = credential.ok_or_else(|| {
            let refusal = Refusal::new(RefusalKind::NoSession);
            match place {
                SessionScope::None => {
                    self.with_debug_reason(refusal, &"this path is of no resource")
                }
                _ => self.with_missing_cookie(refusal, place.resource()),
            }
        })?;
        let checked = self.check_session(&credential, place, &mount, budget);
        let checked = budget.within(checked).await;
        let checked = checked.unwrap_or_else(|| Err(self.out_of_time("check")));
        checked.map_err(|refusal| match credential.is_cookie() {
            true => refusal,
            false => refusal.of_bearer(),
        })
    }

    async fn check_session(
        self: &Arc<Self>,
        credential: &Credential<'static>,
        place: SessionScope,
        mount: &str,
        budget: Budget,
    ) -> Result<HerokuUser, Refusal> {
        // Rejections never clear the cookie: the browser may already hold one from a later sign-in.
        let turn_away = |kind, why: &str| self.with_debug_reason(Refusal::new(kind), &why);
        let found = self.sessions.find(credential).await;
        let Some((session, grant)) = found.map_err(|error| self.unavailable(&error))? else {
            let why = "no such session: signed out, swept, of another store or key, or lost in a restart \
                       because sessions were in memory";
            return Err(turn_away(RefusalKind::NoSession, why));
        };
        if place.resource().is_some_and(|here| *here != grant.resource) {
            // A cookie under this resource's name that no gate set, or another resource's bearer token.
            audit::request_refused(&grant.resource, &grant.email, "other_resource");
            let why = "the session belongs to another resource";
            return Err(turn_away(RefusalKind::OtherResource, why));
        }
        let (who, start, left) = (grant.principal(), grant.start(), budget.left());
        let (resource, strictness) = (&grant.resource, Strictness::REQUEST);
        let authorizer = self.directory.authorizer();
        let access = authorizer.authorize(resource, who, Some(&start), strictness, left);
        let access = match access.await {
            Ok(access) => access,
            Err(denial) => return Err(self.reject(&session, &grant, &denial).await),
        };
        // The session may have been closed while the list was fetched.
        if self.sessions.was_closed(&session) {
            let why = "signed out while this request was in progress";
            return Err(turn_away(RefusalKind::NoSession, why));
        }
        let visit = SessionHandle::new(Arc::clone(self), session, grant);
        Ok(HerokuUser::new(visit, access.listed, access.list, mount))
    }

    /// The rejection for a denied request. Closes the session where the denial ends it; an expired session
    /// needs no closing.
    async fn reject(&self, session: &SessionRef, grant: &Grant, denial: &Denial) -> Refusal {
        let (closes_session, audited, refusal) = match denial {
            Denial::NotListed => (true, Some("not_listed"), RefusalKind::NotListed.into()),
            Denial::OtherAccount => (true, Some("other_account"), RefusalKind::NotListed.into()),
            // The account has a new email: the user signs in again with it.
            Denial::EmailChanged => (
                true,
                Some("email_changed"),
                RefusalKind::SessionEnded.into(),
            ),
            Denial::Revoked => (true, Some("revoked"), RefusalKind::SessionEnded.into()),
            Denial::Removed => (true, Some("removed"), RefusalKind::SessionEnded.into()),
            Denial::SessionOver(End::Unused) | Denial::Gone => {
                (true, None, RefusalKind::SessionEnded.into())
            }
            // Its record and its cookie expire on their own.
            Denial::SessionOver(End::LongestLife) => {
                (false, None, RefusalKind::SessionEnded.into())
            }
            // It belongs to another deployment on the same session store. It must be neither used nor ended
            // here.
            Denial::UnknownResource => (false, None, RefusalKind::NoSession.into()),
            Denial::Dormant => {
                let wait = SyncError::Dormant.retry_after();
                (false, None, Refusal::cannot_check(wait))
            }
            Denial::Unavailable(error) => (false, None, Refusal::cannot_check(error.retry_after())),
        };
        if closes_session {
            self.close(session).await;
        }
        if let Some(reason) = audited {
            audit::request_refused(&grant.resource, &grant.email, reason);
        }
        self.with_debug_reason(refusal, &denial.reason())
    }
}
