//! What a guard requires of a user, and whether they meet it.

use std::fmt;
use std::sync::Arc;

use heroku_sso_store::{Permission, Role};
use http::HeaderMap;

use super::rejection::Rejection;
use super::rejection_kind::Needed;
use super::{HerokuUser, RejectionKind};
use crate::audit::RequestId;
use crate::meter;
use crate::sso::Proof;

/// At most this many people are named as those who can grant a role.
const NAMED: usize = 5;

/// What the guard requires.
#[derive(Clone)]
pub(super) struct Rule {
    needs: Needs,
    trusts_unsigned_email: bool,
}

#[derive(Clone)]
enum Needs {
    One(Needed),
    If(Arc<dyn Fn(&HerokuUser) -> bool + Send + Sync>),
}

impl Rule {
    pub(super) fn any_of(roles: impl IntoIterator<Item = Role>) -> Self {
        Self {
            needs: Needs::One(Needed::AnyOf(roles.into_iter().collect())),
            trusts_unsigned_email: false,
        }
    }

    pub(super) fn permission(permission: Permission) -> Self {
        Self {
            needs: Needs::One(Needed::Permission(permission)),
            trusts_unsigned_email: false,
        }
    }

    pub(super) fn holds_if(rule: impl Fn(&HerokuUser) -> bool + Send + Sync + 'static) -> Self {
        Self {
            needs: Needs::If(Arc::new(rule)),
            trusts_unsigned_email: false,
        }
    }

    pub(super) fn trust_unsigned_email(mut self) -> Self {
        self.trusts_unsigned_email = true;
        self
    }

    /// Admits `user`, or says why not.
    pub(super) fn check(&self, user: &HerokuUser, headers: &HeaderMap) -> Result<(), Rejection> {
        let audit = |reason| {
            // A user of a test has no session, and no gate that records events.
            if let Some(session) = user.origin.session() {
                session.audit_rejection(&RequestId::of(headers), reason);
            }
        };
        if user.proof() == Proof::UnsignedEmail && !self.trusts_unsigned_email {
            audit("unsigned_email");
            meter::guard_rejection(RejectionKind::UnsignedEmail.code());
            return Err(rejection_with_landing(RejectionKind::UnsignedEmail, user));
        }
        let holds = |user: &HerokuUser| match &self.needs {
            Needs::One(Needed::AnyOf(roles)) => user.roles().contains_any(roles),
            Needs::One(Needed::Permission(permission)) => user.permissions().contains(permission),
            Needs::If(rule) => rule(user),
        };
        let allowed = match self.trusts_unsigned_email {
            true => holds(&user.clone().trust_unsigned_email()),
            false => holds(user),
        };
        if allowed {
            return Ok(());
        }
        let (kind, reason) = match &self.needs {
            Needs::One(Needed::Permission(_)) => {
                (RejectionKind::MissingPermission, "missing_permission")
            }
            Needs::One(Needed::AnyOf(_)) => (RejectionKind::MissingRole, "missing_role"),
            Needs::If(_) => (RejectionKind::NotPermitted, "not_permitted"),
        };
        audit(reason);
        meter::guard_rejection(kind.code());
        let rejection = rejection_with_landing(kind, user);
        Err(match &self.needs {
            Needs::One(needed) => rejection.needs(needed.clone(), who_grants(user)),
            Needs::If(_) => rejection,
        })
    }
}

/// The rejection of a user whose session opens other pages. A test's user has none.
fn rejection_with_landing(kind: RejectionKind, user: &HerokuUser) -> Rejection {
    let rejection = Rejection::new(kind);
    match user.origin.session() {
        Some(session) => {
            let paths = session.paths();
            rejection.or_go_on_at(paths.landing_below(&user.mount, user.resource()))
        }
        None => rejection,
    }
}

/// The owners and admins on the list, who can grant a role or a permission. A user who has not proved to
/// be on the list, or is on it only because of an attached app, gets no names.
fn who_grants(user: &HerokuUser) -> Vec<Box<str>> {
    let is_foreign = user.list.list.is_only_attached(user.listed);
    if is_foreign || user.proof() == Proof::UnsignedEmail {
        return Vec::new();
    }
    let grants = user.list.list.members().filter(|member| {
        let roles = member.roles();
        roles.contains_any(&[Role::Owner, Role::Admin]) && member.email != *user.email()
    });
    let emails = grants
        .take(NAMED)
        .map(|member| member.email.as_str().into());
    emails.collect()
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Rule");
        match &self.needs {
            Needs::One(needed) => text.field("needs", needed),
            Needs::If(_) => text.field("if", &format_args!("..")),
        };
        text.field("trusts_unsigned_email", &self.trusts_unsigned_email)
            .finish()
    }
}
