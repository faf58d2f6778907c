//! The type of an audit event, as it is serialized.

use heroku_sso_store::{Email, ResourceId, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::access::Roles;
use crate::sso::Proof;

/// One event for the audit log. A field that does not apply to an event is none, and is left out of its JSON.
///
/// ```
/// use tower_heroku_sso::audit::{AuditEvent, AuditKind};
///
/// let line = r#"{"version":1,"at":"2026-01-01T12:00:00Z","event":"member_removed",
///     "resource":"01234567-89ab-cdef-0123-456789abcdef","email":"ann@example.com"}"#;
/// let event: AuditEvent = serde_json::from_str(line)?;
/// assert_eq!(event.event, AuditKind::MemberRemoved);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AuditEvent {
    /// The version of the format: [`AuditEvent::VERSION`]. Adding a field or an event keeps the version;
    /// removing or renaming one, or changing its meaning, raises it.
    pub version: u32,
    /// When it happened, by the clock of the process that noticed. In JSON as in RFC 3339.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What happened.
    pub event: AuditKind,
    /// The resource that the event is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceId>,
    /// The user that the event is about. [`proof`](Self::proof) says whether Heroku vouches for the email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// The email before [`AuditKind::EmailChanged`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_before: Option<Email>,
    /// The user's account at Heroku, where it is known and the email is proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The account before [`AuditKind::AccountReplaced`] and [`AuditKind::AccountUnknown`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id_before: Option<UserId>,
    /// The roles on the newest list, of events about the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Roles>,
    /// The roles before [`AuditKind::RoleChanged`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles_before: Option<Roles>,
    /// How the user's email was proved, of events about a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// The session: the first 16 hexadecimal digits of a SHA-256 of its id, with which
    /// [`SessionInfo::id`](crate::SessionInfo::id) begins. Events of one session have the same value, and no
    /// session can be taken over with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The request, to find it in other logs: its `X-Request-ID`, which Heroku's router sets, if that has
    /// 8 to 128 letters, digits, `-`, `_`, `+`, `/` or `=`; otherwise a random UUID. A client can choose
    /// it, and nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What the gate would have done, of [`AuditKind::RequestObserved`] and [`AuditKind::SignInObserved`]:
    /// the [code](crate::Verdict::code) of a verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Why: a word or a sentence. The guide lists the words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What your [`Addon`](crate::partner_api::Addon) answered: `done`, `later`, `rejected`, `try_later`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// How many resources would be dormant, of [`AuditKind::DormancyBraked`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<u64>,
    /// How many sessions ended, of [`AuditKind::PersonErased`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u64>,
}

impl AuditEvent {
    /// The version of the format of this release's events.
    pub const VERSION: u32 = 1;

    pub(super) fn new(event: AuditKind, at: OffsetDateTime) -> Self {
        Self {
            version: Self::VERSION,
            at,
            event,
            resource: None,
            email: None,
            email_before: None,
            user_id: None,
            user_id_before: None,
            roles: None,
            roles_before: None,
            proof: None,
            session: None,
            request_id: None,
            verdict: None,
            reason: None,
            outcome: None,
            resources: None,
            sessions: None,
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// What happened. The names in JSON are those in the guide, such as `member_removed`.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
        #[non_exhaustive]
        pub enum AuditKind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl AuditKind {
            /// Every kind, in alphabetical order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name, as in JSON and in the log.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// A list names the account of an email for the first time.
    AccountKnown => "account_known",
    /// An email belongs to another account on the newer list.
    AccountReplaced => "account_replaced",
    /// A list no longer names the account of an email.
    AccountUnknown => "account_unknown",
    /// The partner ended the sessions of all users at a resource.
    AllRevoked => "all_revoked",
    /// Heroku requested a deprovisioning.
    Deprovisioned => "deprovisioned",
    /// Too many resources would become dormant at the same time.
    DormancyBraked => "dormancy_braked",
    /// An account has another email on the newer list.
    EmailChanged => "email_changed",
    /// A user is new on a list.
    MemberAdded => "member_added",
    /// A user is no longer on a list.
    MemberRemoved => "member_removed",
    /// Heroku refused a resource's refresh token.
    NeedsGrant => "needs_grant",
    /// A call to the Partner API came without Heroku's credentials.
    PartnerCallRejected => "partner_call_rejected",
    /// The partner erased a person from all resources.
    PersonErased => "person_erased",
    /// Heroku requested a change of plan.
    PlanChanged => "plan_changed",
    /// Heroku requested a provisioning.
    Provisioned => "provisioned",
    /// A request reached the app that an enforced gate would have rejected, or about which nothing was
    /// known in time.
    RequestObserved => "request_observed",
    /// A request with a session was rejected.
    RequestRejected => "request_rejected",
    /// Heroku has reported a resource as missing; access is suspended.
    ResourceDormant => "resource_dormant",
    /// A resource ended.
    ResourceGone => "resource_gone",
    /// A dormant resource is active again.
    ResourceRevived => "resource_revived",
    /// The partner ended a user's sessions.
    Revoked => "revoked",
    /// A user has other roles on the newer list.
    RoleChanged => "role_changed",
    /// The partner ended a session.
    SessionEnded => "session_ended",
    /// A form reached the app that an enforced gate would have rejected, or about which nothing was known in
    /// time.
    SignInObserved => "sign_in_observed",
    /// A form, or the partner's own login, was rejected.
    SignInRejected => "sign_in_rejected",
    /// A user signed in.
    SignedIn => "signed_in",
    /// A user signed out.
    SignedOut => "signed_out",
    /// A user signed in by a token that does not cover the email.
    UnsignedEmail => "unsigned_email",
}
