//! The check of every request.

use std::sync::Arc;

use http::HeaderMap;

use super::keeper::Keeper;
use super::paths::Place;
use super::refusal::Refusal;
use super::visit::Visit;
use super::{HerokuUser, RefusalKind};
use crate::access::{AccessList, NotEntitled};
use crate::audit;
use crate::cause;
use crate::clock::Reading;
use crate::lifespan::End;
use crate::session::{Credential, Grant, SessionName};
use crate::sync::{Current, SyncError};

impl Keeper {
    /// What says which session counts at this place. A bearer token is taken before a cookie.
    pub(super) fn credential<'h>(
        &self,
        place: Place,
        headers: &'h HeaderMap,
    ) -> Option<Credential<'h>> {
        if place == Place::Nowhere {
            return None;
        }
        let bearer = self.bearer(headers);
        bearer.or_else(|| self.cookies.session_of(headers, place.resource()))
    }

    /// The bearer token in a request, if this gate takes any.
    #[cfg(feature = "jwt")]
    pub(super) fn bearer<'h>(&self, headers: &'h HeaderMap) -> Option<Credential<'h>> {
        let takes_bearers = self.sessions.takes_bearers();
        takes_bearers.then(|| super::bearer::of(headers)).flatten()
    }

    #[cfg(not(feature = "jwt"))]
    pub(super) fn bearer<'h>(&self, _: &'h HeaderMap) -> Option<Credential<'h>> {
        None
    }

    /// The plain yes of [`check`](Self::check), where it needs nobody's answer: session and list are at
    /// hand. Nearly every request of somebody who works with the dashboard is one. Everything else is
    /// left to `check`.
    pub(super) fn check_at_once(
        self: &Arc<Self>,
        credential: &Credential<'_>,
        place: Place,
        mount: &str,
    ) -> Option<HerokuUser> {
        let at = Reading::of(self.directory.clock());
        let known = self.sessions.find_at_once(credential, at.elapsed)?;
        let (session, grant) = (&known.session, &known.grant);
        let is_here = place.resource().is_none_or(|here| *here == grant.resource);
        if !is_here {
            return None;
        }
        let (resource, who) = (&grant.resource, grant.principal());
        let directory = &self.directory;
        let held = directory.current_at_once(&known.list, resource, who, at)?;
        let list = &held.snapshot.list;
        let listed = list
            .entitlement(&grant.email, grant.user_id.as_ref())
            .ok()?;
        let visit = Visit::new(Arc::clone(self), session.clone(), Arc::clone(grant));
        Some(HerokuUser::new(visit, listed, held, mount))
    }

    /// `mount` is what a router outside of the gate took off the path.
    ///
    /// Asks the session store who this is, and the newest list whether they may pass. One list
    /// decides the whole request, also if a newer one arrives meanwhile.
    pub(super) async fn check(
        self: &Arc<Self>,
        credential: Option<Credential<'static>>,
        place: Place,
        mount: String,
    ) -> Result<HerokuUser, Refusal> {
        let credential = credential.ok_or_else(|| {
            let refusal = Refusal::new(RefusalKind::NoSession);
            match place {
                Place::Nowhere => self.because(refusal, &"this path is of no resource"),
                _ => self.because_no_cookie(refusal, place.resource()),
            }
        })?;
        let verdict = self.decide(&credential, place, &mount).await;
        verdict.map_err(|refusal| match credential.is_cookie() {
            true => refusal,
            false => refusal.of_bearer(),
        })
    }

    async fn decide(
        self: &Arc<Self>,
        credential: &Credential<'static>,
        place: Place,
        mount: &str,
    ) -> Result<HerokuUser, Refusal> {
        // The cookie stays where it is: a browser may have got another one meanwhile, of a later sign-in.
        let turn_away = |kind, why: &str| self.because(Refusal::new(kind), &why);
        let found = self.sessions.find(credential).await;
        let Some((session, grant)) = found.map_err(|error| self.unavailable(&error))? else {
            let why = "no such session: signed out, swept, of another store or key, or the process was \
                       started anew and its sessions were in memory";
            return Err(turn_away(RefusalKind::NoSession, why));
        };
        if place.resource().is_some_and(|here| *here != grant.resource) {
            // Under the name of this resource's cookie: no gate has set it.
            audit::request_refused(&grant.resource, &grant.email, "other_resource");
            let why = "the session is another resource's";
            return Err(turn_away(RefusalKind::OtherResource, why));
        }
        let resource = grant.resource;
        let current = self.directory.current(&resource, grant.principal()).await;
        let held = match current {
            Ok(Current::List(held)) => held,
            Ok(Current::Over(end)) => {
                let why = self.end(&session, end).await;
                return Err(turn_away(RefusalKind::SessionEnded, why));
            }
            Ok(Current::Revoked) => {
                self.close(&session).await;
                let why = "revoked";
                audit::request_refused(&grant.resource, &grant.email, why);
                return Err(turn_away(RefusalKind::SessionEnded, why));
            }
            Err(SyncError::UnknownResource) => {
                // Of another deployment on the same session store: neither to be used nor to be ended.
                let why = "the session's resource is not registered here";
                return Err(turn_away(RefusalKind::NoSession, why));
            }
            Err(error @ SyncError::Gone) => {
                self.close(&session).await;
                let why = cause::with(&error);
                return Err(turn_away(RefusalKind::SessionEnded, &why));
            }
            Err(error) => {
                let refusal = Refusal::cannot_check(error.retry_after());
                return Err(self.because_of(refusal, &error));
            }
        };
        let list = &held.snapshot.list;
        let listed = match list.entitlement(&grant.email, grant.user_id.as_ref()) {
            Ok(listed) => listed,
            Err(_) if has_another_email(list, &grant) => {
                // The same person under another email, with which Heroku signs them in.
                self.close(&session).await;
                let why = "email_changed";
                audit::request_refused(&grant.resource, &grant.email, why);
                return Err(turn_away(RefusalKind::SessionEnded, why));
            }
            Err(NotEntitled::Unknown) => {
                let error = SyncError::MembersWithheld;
                let refusal = Refusal::cannot_check(error.retry_after());
                return Err(self.because(refusal, &error));
            }
            Err(not @ (NotEntitled::NotListed | NotEntitled::OtherAccount)) => {
                self.close(&session).await;
                let why = match not {
                    NotEntitled::OtherAccount => "other_account",
                    _ => "not_listed",
                };
                audit::request_refused(&grant.resource, &grant.email, why);
                return Err(turn_away(RefusalKind::NotListed, why));
            }
        };
        // To find the list may have taken its time.
        if self.sessions.was_closed(&session) {
            let why = "signed out while this request was under way";
            return Err(turn_away(RefusalKind::NoSession, why));
        }
        let visit = Visit::new(Arc::clone(self), session, grant);
        Ok(HerokuUser::new(visit, listed, held, mount))
    }

    /// Does what is to be done about a session that is over, and says why it is.
    async fn end(&self, session: &SessionName, end: End) -> &'static str {
        match end {
            // What is left of it ends by itself.
            End::LongestLife => "the longest time of a session is over",
            End::Unused => {
                self.close(session).await;
                "nothing used the resource until its list was too old"
            }
        }
    }
}

/// True if the list has the account of a session by another email than the one that it was opened with.
fn has_another_email(list: &AccessList, grant: &Grant) -> bool {
    let account = grant.proved_account();
    account.is_some()
        && list
            .members()
            .any(|member| member.user_id.as_ref() == account)
}
