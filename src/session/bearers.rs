//! Bearer tokens of sessions, and sessions with a bearer token alone.

use std::sync::Arc;
use std::time::Duration;

use super::credential::SessionRef;
use super::error::SessionError;
use super::grant::Grant;
use super::key::new_session_key;
use super::manager::SessionManager;
use super::new_session::NewSession;
use super::signed::SignedSessions;
use crate::error_chain;
use crate::jwt::Codec;
use crate::sso::Proof;
use crate::store::SessionKind;
use crate::sync::Admitted;

impl SessionManager {
    /// Also accepts the bearer tokens of this codec.
    pub(crate) fn with_bearers(mut self, codec: Arc<Codec>, cached_for: Duration) -> Self {
        let (clock, closed) = (Arc::clone(&self.clock), Arc::clone(&self.closed));
        self.bearers = Some(SignedSessions::new(codec, clock, closed, cached_for));
        self
    }

    pub(crate) fn takes_bearers(&self) -> bool {
        self.bearers.is_some()
    }

    /// A bearer token that is valid as long as its session; none if this gate accepts no bearer tokens.
    pub(crate) fn bearer(
        &self,
        session: &SessionRef,
        grant: &Grant,
    ) -> Result<Option<String>, SessionError> {
        let Some(bearers) = &self.bearers else {
            return Ok(None);
        };
        Ok(Some(bearers.sign(
            &session.key(),
            grant,
            self.latest_end(grant),
        )?))
    }

    /// A session of a command-line client: it has a bearer token and no cookie.
    pub(crate) fn open_bearer(
        &self,
        admitted: &Admitted,
        proof: Proof,
        context_app: Option<String>,
    ) -> Result<Option<NewSession>, SessionError> {
        let grant = self.grant(admitted, proof, context_app);
        let session = SessionRef::Bearer(new_session_key());
        let Some(value) = self.bearer(&session, &grant)? else {
            return Ok(None);
        };
        let latest_end = self.latest_end(&grant);
        Ok(Some(NewSession {
            session,
            value,
            grant,
            latest_end,
            record: None,
        }))
    }
}

/// Records a command-line client's session in the crate's own store, so that it can be listed. Nothing reads
/// that record at a request, so the session works without it.
pub(crate) async fn note_bearer(sessions: &SessionManager, opened: &NewSession) {
    let (SessionRef::Bearer(key), Some(own)) = (&opened.session, sessions.own_records()) else {
        return;
    };
    let kind = SessionKind::Bearer;
    let noted = own.insert(key, &opened.grant, kind, opened.latest_end);
    if let Err(error) = noted.await {
        tracing::warn!(
            %error, cause = error_chain::of(&error),
            "command-line session not recorded; it works and is not listed"
        );
    }
}
