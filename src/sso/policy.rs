//! Which tokens are accepted.

use std::fmt;
use std::str::FromStr;

use heroku_sso_store::InvalidValue;

/// Which of Heroku's three tokens are accepted for a sign-in. The strongest token in a request counts, and
/// it must verify; a weaker one never replaces it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum SsoPolicy {
    /// `user_scoped_resource_token` alone, which covers user id and email. The default.
    #[default]
    UserScoped,
    /// Without `user_scoped_resource_token`, `resource_token` is enough. It covers neither email nor
    /// user id, so the user is only claimed: see [`Proof::UnsignedEmail`](super::Proof::UnsignedEmail).
    AllowUnsignedEmail,
    /// As [`AllowUnsignedEmail`](Self::AllowUnsignedEmail), and without either token the version 1 pair `id`
    /// and `token` is enough. The fields may also be in the query of a GET, at the SSO path or at
    /// `/heroku/resources/:id`, as before add-ons had an `sso_url`. For add-ons from before 2023 and for
    /// Heroku's tester `kensa`.
    Legacy,
}

impl SsoPolicy {
    /// The value of `HEROKU_SSO_POLICY`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserScoped => "user-scoped",
            Self::AllowUnsignedEmail => "allow-unsigned-email",
            Self::Legacy => "legacy",
        }
    }

    /// True if this policy accepts every sign-in that `stricter` accepts.
    pub(super) fn includes(self, stricter: Self) -> bool {
        match self {
            Self::UserScoped => stricter == Self::UserScoped,
            Self::AllowUnsignedEmail => stricter != Self::Legacy,
            Self::Legacy => true,
        }
    }
}

impl fmt::Display for SsoPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SsoPolicy {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let all = [Self::UserScoped, Self::AllowUnsignedEmail, Self::Legacy];
        let known = all.into_iter().find(|policy| policy.as_str() == text);
        known.ok_or(InvalidValue::new(
            "expected user-scoped, allow-unsigned-email or legacy",
        ))
    }
}
