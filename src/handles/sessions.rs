//! [`Sessions`]: opens, lists and ends sessions from the partner's own code.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::{Email, ResourceId, SessionKey};
use http::HeaderMap;

use crate::gate::{AdmitError, GateState, SessionLayer, SignedIn, VerifiedEmail, admit};
#[cfg(feature = "jwt")]
use crate::gate::{BearerError, BearerToken, HerokuUser, bearer_for};
use crate::handles::LookupError;
use crate::session::{
    ExpiredDeletion, SessionInfo, SessionStore, SessionsError, end_session, list_sessions, sweep,
};

/// The sessions at this gate. From [`HerokuSso::sessions`](crate::HerokuSso::sessions); cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    gate: Arc<GateState>,
}

impl Sessions {
    pub(crate) fn new(gate: Arc<GateState>) -> Self {
        Self { gate }
    }

    /// Opens a session for a user who proved an email through the partner's own login. The same
    /// list decides, and the session is like one that Heroku's SSO opens.
    ///
    /// `headers` are those of the request: an earlier session of that browser ends. Protect the
    /// login against cross-site requests yourself.
    ///
    /// ```
    /// # use http::{HeaderMap, Response, StatusCode};
    /// # use tower_heroku_sso::{AdmitError, Email, HerokuSso, ResourceId, VerifiedEmail};
    /// # async fn logged_in(
    /// #     sso: HerokuSso, resource: ResourceId, email: Email, headers: HeaderMap,
    /// # ) -> Response<()> {
    /// let mut response = Response::new(());
    /// let email = VerifiedEmail::assume_verified(email);
    /// match sso.sessions().admit(&resource, &email, &headers).await {
    ///     Ok(signed_in) => signed_in.set_cookies(response.headers_mut()),
    ///     Err(AdmitError::NotListed) => *response.status_mut() = StatusCode::FORBIDDEN,
    ///     Err(_) => *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE,
    /// }
    /// # response
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// If the future is dropped, the session that it may have opened is deleted.
    ///
    /// # Errors
    /// [`AdmitError`] if the list does not have the email, or cannot be checked within 15 seconds.
    pub async fn admit(
        &self,
        resource: &ResourceId,
        email: &VerifiedEmail,
        headers: &HeaderMap,
    ) -> Result<SignedIn, AdmitError> {
        admit(&self.gate, resource, email, headers).await
    }

    /// Ends all current sessions of this user at the resource, streams included, and records it
    /// in the audit log. A user who is still on the list can sign in again. To keep the user out, remove
    /// them from the app or the team at Heroku.
    ///
    /// # Cancel safety
    /// If the future is dropped, work that has begun is completed.
    ///
    /// # Errors
    /// [`LookupError`] if the resource is unknown or deprovisioned, or the store is unavailable.
    pub async fn revoke(&self, resource: &ResourceId, email: &Email) -> Result<(), LookupError> {
        Ok(self.gate.directory.revoke(resource, email).await?)
    }

    /// The sessions at a resource that have not ended, latest first. A session whose user is no longer on the
    /// list is among them until its next request, which is rejected.
    ///
    /// At most the latest 1,000: if that many are returned, there may be earlier ones, which
    /// [`of_person`](Self::of_person) and [`end_all`](Self::end_all) reach too.
    ///
    /// Only sessions in the [`store`](crate::HerokuSsoBuilder::store) are listed, those of command-line
    /// clients ([`bearer_tokens`](crate::HerokuSsoBuilder::bearer_tokens)) among them. A
    /// bearer token of a browser's session is part of that session. Sessions in signed
    /// cookies or in a given session store cannot be listed; [`end_all`](Self::end_all) ends them.
    ///
    /// # Errors
    /// [`SessionsError`] if sessions cannot be listed, or the store is unavailable.
    pub async fn of(&self, resource: &ResourceId) -> Result<Vec<SessionInfo>, SessionsError> {
        list_sessions(&self.gate.sessions, resource, None).await
    }

    /// As [`of`](Self::of), those of one user.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub async fn of_person(
        &self,
        resource: &ResourceId,
        email: &Email,
    ) -> Result<Vec<SessionInfo>, SessionsError> {
        list_sessions(&self.gate.sessions, resource, Some(email)).await
    }

    /// Ends one session, with the bearer tokens that came from it and its streams, and records it in the
    /// audit log. In this process immediately, in others within a second. Its user can sign in again.
    /// Returns false if the store has no such session.
    ///
    /// The key of a session in a session store of your own is the SHA-256, in hex, of its id as 16 bytes,
    /// little-endian. Such keys, and those of signed cookies, are not looked up: this returns true for any,
    /// and the audit event names neither the resource nor the user.
    ///
    /// # Cancel safety
    /// If the future is dropped, work that has begun is completed.
    ///
    /// # Errors
    /// [`SessionsError`] if the store is unavailable: the session has ended in this process only. Call it
    /// again.
    pub async fn end(&self, session: &SessionKey) -> Result<bool, SessionsError> {
        end_session(&self.gate.sessions, session, self.gate.audit()).await
    }

    /// Ends all current sessions of all users at a resource, and records it in the audit log: those in
    /// stores, in signed cookies, and of bearer tokens, streams included. In this process immediately, in
    /// others within a second. Users who are on the list can sign in again.
    ///
    /// # Cancel safety
    /// If the future is dropped, work that has begun is completed.
    ///
    /// # Errors
    /// [`LookupError`] if the resource is unknown or deprovisioned, or the store is unavailable.
    pub async fn end_all(&self, resource: &ResourceId) -> Result<(), LookupError> {
        Ok(self.gate.directory.revoke_all(resource).await?)
    }

    /// A bearer token for the user of a request, for the add-on's own API. It identifies the user as the
    /// user's session does, and is valid as long as that session.
    ///
    /// Send it over https only, never in a URL. Needs
    /// [`bearer_tokens`](crate::HerokuSsoBuilder::bearer_tokens).
    ///
    /// # Errors
    /// [`BearerError`] if bearer tokens are not set up, or the key cannot sign.
    #[cfg(feature = "jwt")]
    pub fn bearer(&self, user: &HerokuUser) -> Result<BearerToken, BearerError> {
        bearer_for(&self.gate.sessions, user)
    }

    /// A layer that gives handlers a [`Session`](crate::tower_sessions::Session) for values of your own, such
    /// as a draft or a filter. They belong to the user's session at the gate. Put it on the router that
    /// [`protect`](crate::HerokuSso::protect) is given:
    ///
    #[cfg_attr(feature = "axum", doc = "```")]
    #[cfg_attr(not(feature = "axum"), doc = "```ignore")]
    /// use axum::{Router, http::StatusCode, routing::get};
    /// use tower_heroku_sso::tower_sessions::{Session, session};
    /// use tower_heroku_sso::{HerokuSso, MemorySessions};
    ///
    /// fn app(sso: &HerokuSso) -> Router {
    ///     let values = MemorySessions::default(); // or a store of tower-sessions 0.14
    ///     let dashboard = Router::new().route("/", get(visits)).layer(sso.sessions().layer(values));
    ///     sso.protect(dashboard)
    /// }
    ///
    /// async fn visits(session: Session) -> Result<String, StatusCode> {
    ///     let failed = |_: session::Error| StatusCode::SERVICE_UNAVAILABLE;
    ///     let visits = session.get::<u32>("visits").await.map_err(failed)?.unwrap_or(0) + 1;
    ///     session.insert("visits", visits).await.map_err(failed)?;
    ///     Ok(format!("visit {visits}"))
    /// }
    /// # let _ = app;
    /// ```
    ///
    /// - **They have no cookie of their own.** The gate's session names them, also one in a signed cookie or of
    ///   a bearer token. A browser's bearer tokens share the values of its session.
    /// - **They end with the session.** A sign-out, a removal or a revocation puts them out of reach
    ///   immediately, and a sign-in begins without values. Their record stays in the store until
    ///   [`max_session`](crate::HerokuSsoBuilder::max_session) after the sign-in, or until an earlier expiry that
    ///   a handler sets: [`delete_expired`](Self::delete_expired). [`Lists::erase`](crate::Lists::erase) does not delete
    ///   it earlier.
    /// - **They are stored when the handler has answered**, unless with a server error. If that fails, the answer
    ///   is 500. Of two requests at the same time that change values, the later one wins, as with tower-sessions'
    ///   own layer.
    ///
    /// The crate's own stores keep no values of yours, so this takes a store of tower-sessions. It may be that of
    /// [`session_store`](crate::HerokuSsoBuilder::session_store), or one that you use yourself: no record is
    /// read as that of another use. A call of the store has 5 seconds. A request without a
    /// [`HerokuUser`](crate::HerokuUser) has no values, and the extractor answers 500: behind
    /// [`optional_layer`](crate::HerokuSso::optional_layer), and while the gate
    /// [observes](crate::Enforcement::Observe). The session of an outer `SessionManagerLayer` is out of reach inside
    /// this layer, so that no handler takes the one for the other.
    pub fn layer(&self, store: impl SessionStore) -> SessionLayer {
        SessionLayer::new(Arc::clone(&self.gate), store)
    }

    /// Has a session store delete expired records every `period`. The future never ends: give it to
    /// `tokio::spawn`. A failure is logged and does not stop it.
    ///
    /// For stores in a database, such as those of `tower-sessions-sqlx-store`. Redis, moka and the default
    /// store delete expired records on their own.
    ///
    /// # Panics
    /// For a period of zero.
    pub fn delete_expired<S: ExpiredDeletion>(
        &self,
        store: S,
        period: Duration,
    ) -> impl Future<Output = ()> + Send + use<S> {
        assert!(!period.is_zero(), "the period must not be zero");
        sweep(store, period, Arc::clone(self.gate.directory.clock()))
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}
