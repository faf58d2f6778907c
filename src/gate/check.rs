//! The check of every request.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use time::OffsetDateTime;

use super::keeper::Keeper;
use super::paths::Place;
use super::refusal::Refusal;
use super::visit::Visit;
use super::{HerokuUser, RefusalKind};
use crate::access::{Admission, Member};
use crate::audit;
use crate::ids::ResourceId;
use crate::session::{Credential, Extension, Grant, SessionError, SessionName};
use crate::sync::{Held, SyncError};

/// Somebody who passed, and the cookie to send along if the session's end has moved.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) user: HerokuUser,
    pub(super) cookie: Option<HeaderValue>,
    /// The browser can be told to keep cookies.
    pub(super) by_cookie: bool,
}

impl Keeper {
    /// What says which session counts at this place. A bearer token is taken before a cookie.
    pub(super) fn credential(&self, place: Place, headers: &HeaderMap) -> Option<Credential> {
        if place == Place::Nowhere {
            return None;
        }
        #[cfg(feature = "jwt")]
        if self.sessions.takes_bearers()
            && let Some(bearer) = super::bearer::of(headers)
        {
            return Some(bearer);
        }
        self.cookies.session_of(headers, place.resource())
    }

    /// `mount` is what a router outside of the gate took off the path.
    ///
    /// Asks the session store who this is, and the newest list whether they may pass. One list
    /// decides the whole request, also if a newer one arrives meanwhile.
    pub(super) async fn check(
        self: &Arc<Self>,
        credential: Option<Credential>,
        place: Place,
        mount: String,
    ) -> Result<Passage, Refusal> {
        let credential = credential.ok_or_else(|| Refusal::new(RefusalKind::NoSession))?;
        let turn_away = |kind, resource| self.turn_away(&credential, kind, resource);
        let found = self.sessions.find(&credential).await;
        let Some((session, mut grant)) = found.map_err(unavailable)? else {
            return Err(turn_away(RefusalKind::NoSession, place.resource()));
        };
        if place.resource().is_some_and(|here| *here != grant.resource) {
            // Under the name of this resource's cookie: no gate has set it.
            audit::request_refused(&grant.resource, &grant.email, "other_resource");
            return Err(turn_away(RefusalKind::OtherResource, place.resource()));
        }
        let resource = grant.resource;
        let now = self.directory.clock().now();
        if grant.has_ended(now) {
            if let Err(error) = self.sessions.clear_away(&session).await {
                tracing::warn!(%error, "a session could not be removed");
            }
            return Err(turn_away(RefusalKind::SessionEnded, Some(&resource)));
        }
        let user_id = grant.user_id.as_ref();
        let current = self
            .directory
            .current(&resource, &grant.email, user_id, grant.ticket);
        let held = match current.await {
            Ok(Some(held)) => held,
            Ok(None) => {
                self.close(&session).await;
                audit::request_refused(&grant.resource, &grant.email, "revoked");
                return Err(turn_away(RefusalKind::SessionEnded, Some(&resource)));
            }
            Err(SyncError::Gone | SyncError::UnknownResource) => {
                self.close(&session).await;
                return Err(turn_away(RefusalKind::SessionEnded, Some(&resource)));
            }
            Err(error) => return Err(Refusal::cannot_check(error.retry_after())),
        };
        let member = match listed(&grant, &held) {
            Ok(member) => member,
            Err(refusal) if refusal.kind == RefusalKind::NotListed => {
                self.close(&session).await;
                return Err(turn_away(RefusalKind::NotListed, Some(&resource)));
            }
            Err(refusal) => return Err(refusal),
        };
        let extended = self.extend(&session, &mut grant, &held, now).await;
        let Ok(cookie) = extended else {
            return Err(turn_away(RefusalKind::NoSession, Some(&resource)));
        };
        let snapshot = held.snapshot.clone();
        let visit = Visit::new(Arc::clone(self), session);
        Ok(Passage {
            user: HerokuUser::new(visit, grant, member, snapshot, mount),
            cookie,
            by_cookie: credential.is_cookie(),
        })
    }

    /// The cookie of a session whose end has moved.
    async fn extend(
        &self,
        session: &SessionName,
        grant: &mut Grant,
        held: &Held,
        now: OffsetDateTime,
    ) -> Result<Option<HeaderValue>, Closed> {
        let Some(end) = self.sessions.later_end(session, grant, held) else {
            return Ok(None);
        };
        match self.sessions.extend(session, grant, end).await {
            Ok(Extension::Done(value)) => {
                grant.expires_at = end;
                Ok(Some(self.cookies.session(&grant.resource, value, end, now)))
            }
            Ok(Extension::DoneBefore) => {
                grant.expires_at = end;
                Ok(None)
            }
            Ok(Extension::Closed) => Err(Closed),
            Err(error) => {
                // The session still lives until the end that is stored.
                tracing::warn!(%error, "a session could not be extended");
                Ok(None)
            }
        }
    }

    /// A session that is left in the store by a failure here is refused again next time.
    pub(super) async fn close(&self, session: &SessionName) {
        if let Err(error) = self.sessions.close(session).await {
            tracing::warn!(%error, "a session could not be removed");
        }
    }

    /// Closes the session that a browser had before it signed in anew.
    pub(super) async fn close_previous(&self, previous: Option<Credential>) {
        let Some(previous) = previous else {
            return;
        };
        if let Err(error) = self.sessions.close_named(&previous).await {
            tracing::warn!(%error, "a session could not be removed");
        }
    }

    /// The refusal of a credential that is of no more use.
    fn turn_away(
        &self,
        credential: &Credential,
        kind: RefusalKind,
        resource: Option<&ResourceId>,
    ) -> Refusal {
        let refusal = Refusal::new(kind);
        match credential.is_cookie() {
            true => refusal.set_cookie(self.cookies.no_session(resource)),
            false => refusal.of_bearer(),
        }
    }
}

/// The session was closed while this request was under way.
struct Closed;

fn listed(grant: &Grant, held: &Held) -> Result<Member, Refusal> {
    let list = &held.snapshot.list;
    let reason = match list.admission(&grant.email, grant.user_id.as_ref()) {
        Admission::Listed(member) => return Ok(member),
        Admission::Unknown => {
            let wait = SyncError::MembersWithheld.retry_after();
            return Err(Refusal::cannot_check(wait));
        }
        Admission::NotListed => "not_listed",
        Admission::OtherAccount => "other_account",
    };
    audit::request_refused(&grant.resource, &grant.email, reason);
    Err(Refusal::new(RefusalKind::NotListed))
}

pub(super) fn unavailable(error: SessionError) -> Refusal {
    tracing::error!(%error, "sessions cannot be checked");
    Refusal::cannot_check(std::time::Duration::from_secs(5))
}
