//! Why a request is rejected, in words.

use std::sync::Arc;

use heroku_sso_store::{Permission, Role};
use http::StatusCode;

/// Why a request is rejected. In the extensions of every response with which the gate rejects a request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RejectionKind {
    /// 503: the list is currently unavailable from Heroku or the store.
    CannotCheck,
    /// 403: a sign-out that was sent by another site.
    CrossSite,
    /// 403: a WebSocket handshake from a page of another site, by the header `Origin`. It must be that of
    /// [`public_url`](crate::HerokuSsoBuilder::public_url), or one of
    /// [`allowed_origins`](crate::HerokuSsoBuilder::allowed_origins). Without `public_url`, `Host` takes its
    /// place, and the origin must be https or loopback (any scheme with `insecure_cookies`). Requests with a
    /// bearer token, or without `Origin`, are not checked.
    ForeignOrigin,
    /// 403: the signed link is no longer valid ([`Lists::link`](crate::Lists::link)).
    ExpiredLink,
    /// 403: the signed link was changed, or is incomplete.
    InvalidLink,
    /// 403: the SSO request is malformed, its token does not match, or the policy
    /// ([`SsoPolicy`](crate::SsoPolicy)) does not accept that token.
    InvalidSignIn,
    /// 405: the gate's own paths take POST only, apart from a signed link, the page after a sign-out and the
    /// forms of [`SsoPolicy::Legacy`](crate::SsoPolicy::Legacy).
    MethodNotAllowed,
    /// 403: the user is on the list, but lacks the permission on the app that the route requires.
    MissingPermission,
    /// 403: the user is on the list, but lacks the role that the route requires.
    MissingRole,
    /// 401: no session, or none that this gate knows.
    NoSession,
    /// 415: the SSO request is not a form.
    NotAForm,
    /// 403: the list does not have the email, or has it for another Heroku account. Also the answer to a
    /// sign-in to an unknown resource.
    NotListed,
    /// 403: the user is on the list, but the partner's own rule for the route
    /// ([`Require::only_if`](crate::Require::only_if)) does not hold.
    NotPermitted,
    /// 401: the session has ended or was revoked, its user was removed and added again or has a new email, or
    /// its resource is gone.
    SessionEnded,
    /// 408: the body of the SSO request did not arrive in time.
    SlowBody,
    /// 403: the session belongs to another resource than the request, by its path
    /// ([`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path)) or by the app's own session
    /// ([`resource_of`](crate::HerokuSsoBuilder::resource_of)).
    OtherResource,
    /// 403: the SSO request is too old, or from the future.
    StaleSignIn,
    /// 413: the body of the SSO request is larger than 64 KiB.
    TooLarge,
    /// 403: a guard requires an email that Heroku has signed, and this session's is not
    /// ([`Proof::UnsignedEmail`](crate::Proof::UnsignedEmail)).
    UnsignedEmail,
    /// 403: the SSO request was used before.
    UsedSignIn,
}

impl RejectionKind {
    /// The status of the response.
    pub fn status(self) -> StatusCode {
        match self {
            Self::CannotCheck => StatusCode::SERVICE_UNAVAILABLE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoSession | Self::SessionEnded => StatusCode::UNAUTHORIZED,
            Self::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CrossSite
            | Self::ForeignOrigin
            | Self::ExpiredLink
            | Self::InvalidLink
            | Self::InvalidSignIn
            | Self::MissingPermission
            | Self::MissingRole
            | Self::NotListed
            | Self::NotPermitted
            | Self::OtherResource
            | Self::StaleSignIn
            | Self::UnsignedEmail
            | Self::UsedSignIn => StatusCode::FORBIDDEN,
        }
    }

    /// A stable name, the last part of `type` in the problem document.
    pub fn code(self) -> &'static str {
        match self {
            Self::CannotCheck => "cannot-check",
            Self::CrossSite => "cross-site",
            Self::ForeignOrigin => "foreign-origin",
            Self::ExpiredLink => "expired-link",
            Self::InvalidLink => "invalid-link",
            Self::InvalidSignIn => "invalid-sign-in",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::MissingPermission => "missing-permission",
            Self::MissingRole => "missing-role",
            Self::NoSession => "no-session",
            Self::NotAForm => "not-a-form",
            Self::NotListed => "not-listed",
            Self::NotPermitted => "not-permitted",
            Self::OtherResource => "other-resource",
            Self::SessionEnded => "session-ended",
            Self::SlowBody => "slow-body",
            Self::StaleSignIn => "stale-sign-in",
            Self::TooLarge => "too-large",
            Self::UnsignedEmail => "unsigned-email",
            Self::UsedSignIn => "used-sign-in",
        }
    }

    /// True if the same request can pass once the user has signed in, or later.
    pub(super) fn can_pass_later(self) -> bool {
        matches!(
            self,
            Self::CannotCheck | Self::NoSession | Self::SessionEnded
        )
    }

    /// True if the user keeps a valid session, and another sign-in would not help.
    pub(super) fn is_about_a_signed_in_user(self) -> bool {
        matches!(
            self,
            Self::CrossSite | Self::MissingPermission | Self::MissingRole | Self::NotPermitted
        )
    }

    /// What happened, in a few words, as shown on the page and in the problem document.
    pub fn title(self) -> &'static str {
        match self {
            Self::CannotCheck => "We cannot check your access right now",
            Self::CrossSite => "You were not signed out",
            Self::ForeignOrigin => "This connection came from another site",
            Self::ExpiredLink => "This link has expired",
            Self::InvalidLink => "This link is not valid",
            Self::InvalidSignIn => "This sign-in is not valid",
            Self::MethodNotAllowed => "This address shows no page",
            Self::MissingPermission => "Your permissions do not allow this",
            Self::MissingRole => "Your role does not allow this",
            Self::NoSession => "Please sign in through Heroku",
            Self::NotAForm => "This is not a sign-in form",
            Self::NotListed => "You do not have access to this add-on",
            Self::NotPermitted => "This page is not open to you",
            Self::OtherResource => "You are signed in to another add-on",
            Self::SessionEnded => "Your session has ended",
            Self::SlowBody => "The sign-in took too long to arrive",
            Self::StaleSignIn => "This sign-in is not recent",
            Self::TooLarge => "This sign-in is too large",
            Self::UnsignedEmail => "This page needs a stronger sign-in",
            Self::UsedSignIn => "This sign-in was already used",
        }
    }

    /// What the reader can do about it, as shown on the page and in the problem document.
    pub fn advice(self) -> &'static str {
        match self {
            Self::CannotCheck => {
                "We could not find out who may open this add-on. Nothing is wrong with your \
                 account. Please try again in a moment."
            }
            Self::CrossSite => {
                "The request to sign out came from another site. Use the sign-out button of this \
                 dashboard."
            }
            Self::ForeignOrigin => {
                "Only pages of this dashboard can open this connection. Open the dashboard itself."
            }
            Self::ExpiredLink => {
                "Ask for a new link, or open the add-on from your app's Resources page in the Heroku \
                 Dashboard."
            }
            Self::InvalidLink => {
                "The link is incomplete or was changed. Ask for a new one, or open the add-on from your app's \
                 Resources page in the Heroku Dashboard."
            }
            Self::UsedSignIn => {
                "Each sign-in works once. If you used it yourself, for example by a double click, just \
                 continue. Otherwise open the add-on again from your app's Resources page in the \
                 Heroku Dashboard."
            }
            Self::InvalidSignIn
            | Self::NotAForm
            | Self::SlowBody
            | Self::StaleSignIn
            | Self::TooLarge => {
                "Open the add-on again from your app's Resources page in the Heroku Dashboard."
            }
            Self::MethodNotAllowed => {
                "This address only accepts forms. To sign out, use the button in the dashboard. To sign \
                 in, open the add-on from your app's Resources page in the Heroku Dashboard."
            }
            Self::MissingRole => {
                "You are signed in, but this page needs another role on the app or in its team. \
                 Ask an owner or an admin of the app."
            }
            Self::MissingPermission => {
                "You are signed in, but this page needs another permission on the app. Ask an owner or an \
                 admin of the app."
            }
            Self::NotPermitted => {
                "You are signed in, but this add-on does not permit you to open this page. If you need it, \
                 ask the provider of the add-on."
            }
            Self::UnsignedEmail => {
                "Heroku signed you in without vouching for your email address, which is enough for \
                 other pages but not for this one. Open the add-on again from your app's Resources \
                 page in the Heroku Dashboard; if that does not help, ask the provider of this add-on."
            }
            Self::NoSession | Self::OtherResource | Self::SessionEnded => {
                "Open the add-on from your app's Resources page in the Heroku Dashboard."
            }
            Self::NotListed => {
                "Only the collaborators of the app and the members of its team can open it. Ask an \
                 owner of the app to add you, then open the add-on again from the Heroku Dashboard."
            }
        }
    }
}

/// What a guard needs.
#[derive(Clone, Debug)]
pub(super) enum Needed {
    AnyOf(Arc<[Role]>),
    Permission(Permission),
}

impl Needed {
    /// The names of roles of which one is needed, or of the permission.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::AnyOf(roles) => roles.iter().map(Role::as_str).collect(),
            Self::Permission(permission) => vec![permission.as_str()],
        }
    }
}

/// What a signed-in user lacks.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    pub(super) needs: Needed,
    /// Email addresses. They appear on the page only, which only its reader sees.
    pub(super) ask: Vec<Box<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = include_str!("../guide/how_it_decides.md");

    const ALL: [RejectionKind; 20] = [
        RejectionKind::CannotCheck,
        RejectionKind::CrossSite,
        RejectionKind::ForeignOrigin,
        RejectionKind::ExpiredLink,
        RejectionKind::InvalidLink,
        RejectionKind::InvalidSignIn,
        RejectionKind::MethodNotAllowed,
        RejectionKind::MissingPermission,
        RejectionKind::MissingRole,
        RejectionKind::NoSession,
        RejectionKind::NotAForm,
        RejectionKind::NotListed,
        RejectionKind::NotPermitted,
        RejectionKind::SessionEnded,
        RejectionKind::SlowBody,
        RejectionKind::OtherResource,
        RejectionKind::StaleSignIn,
        RejectionKind::TooLarge,
        RejectionKind::UnsignedEmail,
        RejectionKind::UsedSignIn,
    ];

    #[test]
    fn guide_has_each_kind_in_the_row_of_its_status() {
        let places = ALL.map(|kind| kind as usize);
        assert!(
            places.into_iter().eq(0..ALL.len()),
            "in the order of the enum"
        );
        let rows = GUIDE.split("| status | meaning | remedy | kinds |").nth(1);
        let rows = rows.expect("the table").lines().skip(2);
        let rows: Vec<_> = rows.take_while(|row| row.starts_with('|')).collect();
        for kind in ALL {
            let code = format!("`{}`", kind.code());
            let mut of_kind = rows.iter().filter(|row| row.contains(&code));
            let row = of_kind
                .next()
                .unwrap_or_else(|| panic!("{code} is missing"));
            assert!(row.contains(kind.status().as_str()), "{code}");
            assert!(of_kind.next().is_none(), "{code} is there twice");
        }
    }
}
