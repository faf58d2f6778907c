//! The user of an admitted request.

use std::fmt;
use std::sync::Arc;

use heroku_sso_store::{Email, Permission, ResourceId, UserId};
use time::OffsetDateTime;

use super::session_handle::SessionHandle;
use crate::access::{App, Entitlement, ListEntry, Roles, Snapshot, Team};
use crate::config::Config;
use crate::session::Grant;
use crate::sso::Proof;

/// The user of a request, and the resource that the request is for.
///
/// It is in the extensions of every request that the gate admits, and it is an axum extractor. Its roles and
/// its app are those of the newest list, not of the sign-in. Cheap to clone.
#[derive(Clone)]
pub struct HerokuUser {
    pub(super) origin: Origin,
    /// The list that admitted the request, and where the user is on it.
    pub(super) list: Arc<Snapshot>,
    pub(super) listed: Entitlement,
    /// The prefix that an outer router removed from the path.
    pub(super) mount: Box<str>,
    /// See [`trust_unsigned_email`](Self::trust_unsigned_email).
    trusts_unsigned_email: bool,
}

/// What made the user.
#[derive(Clone)]
pub(super) enum Origin {
    /// A gate, which admitted a session.
    Gate(SessionHandle),
    /// A test of the partner's: there is no gate and no session.
    Test(Arc<Grant>),
}

impl Origin {
    pub(super) fn session(&self) -> Option<&SessionHandle> {
        match self {
            Self::Gate(session) => Some(session),
            Self::Test(_) => None,
        }
    }

    pub(super) fn grant(&self) -> &Grant {
        match self {
            Self::Gate(session) => session.grant(),
            Self::Test(grant) => grant,
        }
    }
}

impl HerokuUser {
    pub(super) fn new(
        origin: Origin,
        list: Arc<Snapshot>,
        listed: Entitlement,
        mount: &str,
    ) -> Self {
        Self {
            origin,
            list,
            listed,
            mount: mount.into(),
            trusts_unsigned_email: false,
        }
    }

    /// True if a gate has admitted the user, and not a test.
    #[cfg(feature = "jwt")]
    pub(crate) fn has_session(&self) -> bool {
        self.origin.session().is_some()
    }

    /// Where a form posts to sign out, as the browser must request it.
    ///
    /// ```
    /// # fn button(user: &tower_heroku_sso::HerokuUser) -> String {
    /// format!(r#"<form method="post" action="{}"><button>Sign out</button></form>"#, user.sign_out_path())
    /// # }
    /// ```
    pub fn sign_out_path(&self) -> String {
        match self.origin.session() {
            Some(session) => session.paths().sign_out(&self.mount, self.resource()),
            None => "/logout".to_owned(),
        }
    }

    /// The email as on the list, in lower case. [`proof`](Self::proof) says whether Heroku vouches for it.
    pub fn email(&self) -> &Email {
        &self.origin.grant().email
    }

    /// The Heroku account, if the list names it or Heroku signed it with the sign-in. None for a user whose
    /// email is [unsigned](Proof::UnsignedEmail).
    pub fn user_id(&self) -> Option<UserId> {
        if self.is_claimed() {
            return None;
        }
        let grant = self.origin.grant();
        let is_signed = grant.proof == Proof::SignedEmail;
        let signed = grant.user_id.as_ref().filter(|_| is_signed);
        entry_of(self).user_id().or_else(|| signed.cloned())
    }

    /// The resource whose dashboard this is.
    pub fn resource(&self) -> &ResourceId {
        &self.origin.grant().resource
    }

    /// The name of the resource at Heroku.
    pub fn addon_name(&self) -> &str {
        &self.list.addon_name
    }

    /// The app that owns the resource.
    pub fn app(&self) -> &App {
        &self.list.app
    }

    /// The team that owns the app, if it belongs to one.
    pub fn team(&self) -> Option<&Team> {
        self.list.team.as_deref()
    }

    /// The name of the app through whose attachment the user came, as in the SSO request. Heroku does not
    /// sign it: display it, but decide nothing by it.
    pub fn context_app(&self) -> Option<&str> {
        self.origin.grant().context_app.as_deref()
    }

    /// The roles on the app and in the team, as of [`list_fetched_at`](Self::list_fetched_at). Empty for a
    /// user whose email is [unsigned](Proof::UnsignedEmail), because the roles belong to the owner of that
    /// address.
    pub fn roles(&self) -> &Roles {
        match self.is_claimed() {
            true => Roles::none(),
            false => entry_of(self).roles(),
        }
    }

    /// The permissions on an app of a team, which only its collaborators have. Empty for a user whose
    /// email is [unsigned](Proof::UnsignedEmail).
    pub fn permissions(&self) -> &[Permission] {
        match self.is_claimed() {
            true => &[],
            false => entry_of(self).permissions(),
        }
    }

    /// The same user, with the roles, permissions and account that the list has for the email, even if Heroku
    /// did not sign it. **Any user of the resource can then act as any other**: see
    /// [`threats`](crate::guide::threats#unsigned-emails).
    #[must_use]
    pub fn trust_unsigned_email(mut self) -> Self {
        self.trusts_unsigned_email = true;
        self
    }

    /// True if nothing may be granted on the basis of the email.
    fn is_claimed(&self) -> bool {
        self.proof() == Proof::UnsignedEmail && !self.trusts_unsigned_email
    }

    /// Whether Heroku signed the email that this user signed in with.
    pub fn proof(&self) -> Proof {
        self.origin.grant().proof
    }

    /// When the user signed in.
    pub fn signed_in_at(&self) -> OffsetDateTime {
        self.origin.grant().began
    }

    /// When the session ends unless its list is fetched again first: one
    /// [`refresh_interval`](crate::HerokuSsoBuilder::refresh_interval) after
    /// [`list_fetched_at`](Self::list_fetched_at), and never later than
    /// [`max_session`](crate::HerokuSsoBuilder::max_session) after the sign-in. While no newer list is
    /// available, the list is used up to [`max_list_age`](crate::HerokuSsoBuilder::max_list_age).
    pub fn session_expires_at(&self) -> OffsetDateTime {
        let (began, asked_at) = (self.origin.grant().began, self.list_fetched_at());
        match self.origin.session() {
            Some(session) => session
                .limits()
                .expected_end(began, asked_at, session.now()),
            None => asked_at + Config::default().refresh_interval,
        }
    }

    /// Resolves when this user's access ends. That is when the session is over or signed out, the user has
    /// left the list, the list is too old, or the resource is gone.
    ///
    /// For work that outlives the check at its start, such as a WebSocket. The gate itself ends response
    /// bodies, unless [`leave_streams_open`](crate::HerokuSsoBuilder::leave_streams_open) is set. While a task
    /// waits for this, the resource is in use: its list is kept fresh, and so is the session, with or without
    /// requests.
    ///
    /// ```
    /// # async fn chat(user: tower_heroku_sso::HerokuUser) {
    /// # async fn talk() {}
    /// tokio::select! {
    ///     () = talk() => {}
    ///     () = user.ended() => {} // and hang up
    /// }
    /// # }
    /// ```
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let session = self.origin.session().cloned();
        async move {
            match session {
                Some(session) => session.ended().await,
                None => std::future::pending().await,
            }
        }
    }

    /// When Heroku was asked for the oldest part of the list that admitted this request, apart from the
    /// people of attached apps.
    pub fn list_fetched_at(&self) -> OffsetDateTime {
        self.list.fetched_at
    }
}

fn entry_of(user: &HerokuUser) -> ListEntry<'_> {
    user.list.list.entry(user.listed)
}

impl fmt::Debug for HerokuUser {
    /// Omits the email, so that a logged request names no person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HerokuUser")
            .field("resource", self.resource())
            .field("roles", self.roles())
            .field("proof", &self.proof())
            .field("session_expires_at", &self.session_expires_at())
            .finish_non_exhaustive()
    }
}
