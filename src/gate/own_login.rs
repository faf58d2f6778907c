//! The partner's own login: the same list and the same session, for a user who proved an email in another
//! way.

use std::fmt;
use std::time::Duration;

use heroku_sso_store::{Email, ResourceId};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use time::OffsetDateTime;

use super::RejectionKind;
use super::open_session::{NotOpened, SessionTransport, VerifiedSignIn, open_session};
use super::rejection_record::audit_sign_in;
use super::state::GateState;
use super::unavailable::RETRY_AFTER;
use crate::access::Member;
use crate::audit::RequestId;
use crate::clock::Budget;
use crate::deadlines::REQUEST;
use crate::meter;
use crate::sso::Proof;
use crate::sync::Denial;

/// An email that the partner has verified: the sender of the request controls it.
///
/// Heroku proves an email by its signature; here the partner vouches for it. An address that a user typed in
/// is not verified. Nor is one that an OAuth provider passes on without having checked it itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedEmail(Email);

impl VerifiedEmail {
    /// States that the sender of this request has proved control of the email.
    pub fn assume_verified(email: Email) -> Self {
        Self(email)
    }

    /// The email.
    pub fn email(&self) -> &Email {
        &self.0
    }
}

/// A session that [`Sessions::admit`](crate::Sessions::admit) has opened.
#[derive(Clone)]
#[must_use = "the browser gets no session unless these cookies are set"]
pub struct SignedIn {
    member: Member,
    expires_at: OffsetDateTime,
    cookies: Vec<HeaderValue>,
    landing: String,
}

impl SignedIn {
    /// Adds the cookies to the headers of the login's response.
    pub fn set_cookies(&self, headers: &mut HeaderMap) {
        for cookie in &self.cookies {
            headers.append(SET_COOKIE, cookie.clone());
        }
    }

    /// The page to redirect the browser to: [`landing_path`](crate::HerokuSsoBuilder::landing_path), below
    /// this resource's path under [`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path). If an
    /// outer router nests the dashboard below a prefix, add that prefix.
    pub fn landing(&self) -> &str {
        &self.landing
    }

    /// The person, as on the list.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// When the session ends unless its list is fetched again first.
    pub fn expires_at(&self) -> OffsetDateTime {
        self.expires_at
    }
}

impl fmt::Debug for SignedIn {
    /// Without the email and the cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("expires_at", &self.expires_at)
            .field("landing", &self.landing)
            .finish_non_exhaustive()
    }
}

/// Why a user was not admitted. The browser then gets no new session. After a timeout, its earlier session
/// may have ended.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdmitError {
    /// It is unknown at the moment whether the email is on the list. Respond with 503.
    #[error("the list cannot be checked now; retry in {retry_after:?}")]
    CannotCheck {
        /// How long to wait before a retry.
        retry_after: Duration,
    },
    /// The email is not on the list, or the resource is unknown. Respond with 403, and the same for both: an
    /// outsider must not learn which resources exist.
    #[error("the email is not on the resource's list")]
    NotListed,
}

/// Opens a session for a verified email, which ends an earlier session of the browser with these headers.
pub(crate) async fn admit(
    gate: &GateState,
    resource: &ResourceId,
    email: &VerifiedEmail,
    headers: &HeaderMap,
) -> Result<SignedIn, AdmitError> {
    let budget = Budget::of(REQUEST);
    let admitted = budget.within(try_admit(gate, resource, email, headers, budget));
    let admitted = admitted.await.unwrap_or_else(|| {
        tracing::warn!(limit = ?REQUEST, "sign-in timed out");
        Err(AdmitError::CannotCheck {
            retry_after: RETRY_AFTER,
        })
    });
    meter::sign_in(match &admitted {
        Ok(_) => "ok",
        Err(AdmitError::CannotCheck { .. }) => RejectionKind::CannotCheck.code(),
        Err(AdmitError::NotListed) => RejectionKind::NotListed.code(),
    });
    admitted
}

async fn try_admit(
    gate: &GateState,
    resource: &ResourceId,
    email: &VerifiedEmail,
    headers: &HeaderMap,
    budget: Budget,
) -> Result<SignedIn, AdmitError> {
    let previous = gate.cookies.session.read(headers, Some(resource));
    let proved = VerifiedSignIn {
        resource,
        email: email.email(),
        user_id: None,
        proof: Proof::OwnLogin,
        form: None,
    };
    let request = RequestId::of(headers);
    let transport = SessionTransport::Cookie(previous);
    let opened = open_session(gate, proved, transport, &request, budget);
    let (opened, admitted) = opened.await.map_err(|why| {
        let error = match &why {
            NotOpened::Denied(denial) => AdmitError::from(denial),
            NotOpened::Sessions(_) | NotOpened::Rejected(_) => AdmitError::CannotCheck {
                retry_after: RETRY_AFTER,
            },
        };
        // Logs an error of the session store.
        let rejection = why.into_rejection(gate.reasons, &proved);
        audit_sign_in(gate.audit(), &rejection, &request);
        error
    })?;
    let (began, now) = (opened.grant.began, gate.directory.clock().now());
    let limits = &gate.sessions.limits;
    Ok(SignedIn {
        member: admitted.member,
        expires_at: limits.expected_end(began, admitted.list_fetched_at, now),
        cookies: gate.cookies.signed_in(&opened, now).collect(),
        landing: gate.paths.landing(resource),
    })
}

impl From<&Denial> for AdmitError {
    fn from(why: &Denial) -> Self {
        match why.retry_after() {
            Some(retry_after) => Self::CannotCheck { retry_after },
            None => Self::NotListed,
        }
    }
}
