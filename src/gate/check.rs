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
use crate::session::{Extension, Grant, SessionError, SessionId};
use crate::sync::{Held, SyncError};

/// Somebody who passed, and the cookie to send along if the session's end has moved.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) user: HerokuUser,
    pub(super) cookie: Option<HeaderValue>,
}

impl Keeper {
    /// The session that counts at this place, if the browser has one.
    pub(super) fn session_at(&self, place: Place, headers: &HeaderMap) -> Option<SessionId> {
        match place {
            Place::Nowhere => None,
            Place::Anywhere | Place::At(_) => self.cookies.session_id(headers, place.resource()),
        }
    }

    /// `mount` is what a router outside of the gate took off the path.
    ///
    /// Asks the session store who this is, and the newest list whether they may pass. One list
    /// decides the whole request, also if a newer one arrives meanwhile.
    pub(super) async fn check(
        self: &Arc<Self>,
        session: Option<SessionId>,
        place: Place,
        mount: String,
    ) -> Result<Passage, Refusal> {
        let id = session.ok_or_else(|| Refusal::new(RefusalKind::NoSession))?;
        let grant = self.sessions.load(&id).await.map_err(unavailable)?;
        let Some(mut grant) = grant else {
            return Err(self.forget_cookie(RefusalKind::NoSession, place.resource()));
        };
        if place.resource().is_some_and(|here| *here != grant.resource) {
            // Under the name of this resource's cookie: no gate has set it.
            audit::request_refused(&grant.resource, &grant.email, "other_resource");
            return Err(self.forget_cookie(RefusalKind::OtherResource, place.resource()));
        }
        let resource = grant.resource;
        let now = self.directory.clock().now();
        if grant.has_ended(now) {
            self.close(&id).await;
            return Err(self.forget_cookie(RefusalKind::SessionEnded, Some(&resource)));
        }
        let user_id = grant.user_id.as_ref();
        let current = self
            .directory
            .current(&resource, &grant.email, user_id, grant.ticket);
        let held = match current.await {
            Ok(Some(held)) => held,
            Ok(None) => {
                self.close(&id).await;
                audit::request_refused(&grant.resource, &grant.email, "revoked");
                return Err(self.forget_cookie(RefusalKind::SessionEnded, Some(&resource)));
            }
            Err(SyncError::Gone | SyncError::UnknownResource) => {
                self.close(&id).await;
                return Err(self.forget_cookie(RefusalKind::SessionEnded, Some(&resource)));
            }
            Err(error) => return Err(Refusal::cannot_check(error.retry_after())),
        };
        let member = match self.listed(&grant, &held) {
            Ok(member) => member,
            Err(refusal) => {
                if refusal.kind == RefusalKind::NotListed {
                    self.close(&id).await;
                }
                return Err(refusal);
            }
        };
        let cookie = self.extend(&id, &mut grant, &held, now).await?;
        let snapshot = held.snapshot.clone();
        let visit = Visit::new(Arc::clone(self), id);
        Ok(Passage {
            user: HerokuUser::new(visit, grant, member, snapshot, mount),
            cookie,
        })
    }

    fn listed(&self, grant: &Grant, held: &Held) -> Result<Member, Refusal> {
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
        Err(self.forget_cookie(RefusalKind::NotListed, Some(&grant.resource)))
    }

    async fn extend(
        &self,
        id: &SessionId,
        grant: &mut Grant,
        held: &Held,
        now: OffsetDateTime,
    ) -> Result<Option<HeaderValue>, Refusal> {
        let Some(end) = self.sessions.later_end(grant, held) else {
            return Ok(None);
        };
        match self.sessions.extend(id, end).await {
            Ok(Extension::Done) => {
                grant.expires_at = end;
                Ok(Some(self.cookies.session(&grant.resource, id, end, now)))
            }
            Ok(Extension::DoneBefore) => {
                grant.expires_at = end;
                Ok(None)
            }
            Ok(Extension::Closed) => {
                Err(self.forget_cookie(RefusalKind::NoSession, Some(&grant.resource)))
            }
            Err(error) => {
                // The session still lives until the end that is stored.
                tracing::warn!(%error, "a session could not be extended");
                Ok(None)
            }
        }
    }

    /// A session that is left in the store by a failure here is refused again next time.
    pub(super) async fn close(&self, id: &SessionId) {
        if let Err(error) = self.sessions.close(id).await {
            tracing::warn!(%error, "a session could not be removed");
        }
    }

    fn forget_cookie(&self, kind: RefusalKind, resource: Option<&ResourceId>) -> Refusal {
        Refusal::new(kind).set_cookie(self.cookies.no_session(resource))
    }
}

pub(super) fn unavailable(error: SessionError) -> Refusal {
    tracing::error!(%error, "sessions cannot be checked");
    Refusal::cannot_check(std::time::Duration::from_secs(5))
}
