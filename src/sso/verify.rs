//! From an untrusted form to a verified one.

use std::cmp::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};
use time::OffsetDateTime;

use super::{ReplayKey, SsoError, SsoRequest, token};
use crate::access::Email;
use crate::ids::{LegacyId, ResourceId, UserId};
use crate::secret::SsoSalt;

/// Digits in a timestamp at most: enough until the year 33658, and no room for hash padding.
const MAX_TIMESTAMP_DIGITS: usize = 12;

/// Which of Heroku's three tokens may carry a sign-in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum SsoPolicy {
    /// `user_scoped_resource_token` if it is sent, and then it must verify; `resource_token` only
    /// if the other is absent. The default.
    #[default]
    V3,
    /// `user_scoped_resource_token` alone. The strictest: no sign-in rests on an unsigned email.
    UserScopedOnly,
    /// As [`V3`](Self::V3), and if neither is sent, the version 1 pair `id` and `token`; also by GET
    /// with a query. For add-ons from before 2023 and for Heroku's tester `kensa`.
    Legacy,
}

/// What a sign-in rests on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Proof {
    /// The token covers the user id and the email.
    SignedEmail,
    /// The token (SHA-1) covers the resource and the time only. The browser could have written any
    /// email; it proves that somebody whom Heroku let in sent the form.
    UnsignedEmail,
    /// No SSO request, but the partner's own word
    /// ([`HerokuSso::admit`](crate::HerokuSso::admit)).
    OwnLogin,
}

/// The resource that the token names.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SignedResource {
    /// By the resource id of today.
    Resource(ResourceId),
    /// By the provider's own id, under [`SsoPolicy::Legacy`].
    Legacy(LegacyId),
}

/// An SSO request that passed verification. Only [`Verifier::verify`] makes one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifiedSso {
    /// The resource that the request is for.
    pub resource: SignedResource,
    /// The email in the request: signed or not, see `proof`.
    pub email: Email,
    /// The account in the request, if it was sent: signed or not, see `proof`.
    pub user_id: Option<UserId>,
    /// Whether the token covers `email` and `user_id`.
    pub proof: Proof,
    /// When Heroku made the request.
    pub issued_at: OffsetDateTime,
    /// Name of the app whose attachment the user came through, if it is a name of an app. Never
    /// signed.
    pub context_app: Option<String>,
    /// `nav-data` for the withdrawn header bar. Never signed.
    pub nav_data: Option<String>,
    replay: ReplayKey,
    weaker: Vec<ReplayKey>,
}

impl VerifiedSso {
    /// The key that must be unused for this sign-in to count.
    pub fn replay_key(&self) -> &ReplayKey {
        &self.replay
    }

    /// Keys of the weaker tokens that came in the same form. They are used up with it, so that the
    /// form cannot come again with its strong token taken out.
    pub fn weaker_replay_keys(&self) -> &[ReplayKey] {
        &self.weaker
    }
}

/// Checks SSO requests against the salts, the policy and the time.
///
/// ```
/// use time::OffsetDateTime;
/// use tower_heroku_sso::sso::{Proof, SsoRequest, Verifier};
/// use tower_heroku_sso::SsoSalt;
///
/// let verifier = Verifier::new([SsoSalt::new("2f97bfa52ca102f8874716e2eb1d3b4920ad0be4")?]);
/// let request = SsoRequest::parse(
///     b"resource_id=01234567-89ab-cdef-0123-456789abcdef&timestamp=1267597772\
///       &user_id=fedcba98-7654-3210-fedc-ba9876543210&email=username%40example.com\
///       &user_scoped_resource_token=\
///       6e6a13c698ac11bddc07e678f423da6998ea06fd6d319acc346096032040e4e1",
/// )?;
/// let now = OffsetDateTime::from_unix_timestamp(1267597800)?;
/// assert_eq!(verifier.verify(&request, now)?.proof, Proof::SignedEmail);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a set-up does nothing until it is used"]
pub struct Verifier {
    salts: Vec<SsoSalt>,
    policy: SsoPolicy,
    max_age: Duration,
    max_skew: Duration,
}

impl Verifier {
    /// A verifier for the given salts: the one in use and, during a rotation, the one before it.
    /// Without a salt nothing verifies.
    pub fn new(salts: impl IntoIterator<Item = SsoSalt>) -> Self {
        Self {
            salts: salts.into_iter().collect(),
            policy: SsoPolicy::default(),
            max_age: Duration::from_secs(5 * 60),
            max_skew: Duration::from_secs(60),
        }
    }

    /// Which tokens count. Default: [`SsoPolicy::V3`].
    pub fn policy(mut self, policy: SsoPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// How old a request may be. Default: 5 minutes, as Heroku's article has it. Ages are told in
    /// whole seconds, as Heroku's timestamps are: one of five minutes and a half second is five minutes.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// How far ahead of our clock a request may be, in whole seconds as well. Default: 60 seconds;
    /// Heroku states no rule.
    pub fn max_skew(mut self, max_skew: Duration) -> Self {
        self.max_skew = max_skew;
        self
    }

    /// Verifies `request` at the time `now`.
    ///
    /// # Errors
    /// [`SsoError`] says which of the conditions in the [module docs](crate::sso) failed.
    pub fn verify(
        &self,
        request: &SsoRequest,
        now: OffsetDateTime,
    ) -> Result<VerifiedSso, SsoError> {
        let timestamp = Timestamp::parse(request.timestamp.as_deref())?;
        let email = email(request)?;
        let user_id = optional::<UserId>("user_id", &request.user_id)?;
        let resource = optional::<ResourceId>("resource_id", &request.resource_id)?;
        let legacy = match self.policy {
            SsoPolicy::Legacy => optional::<LegacyId>("id", &request.id)?,
            SsoPolicy::V3 | SsoPolicy::UserScopedOnly => None,
        };
        let weak_legacy = legacy
            .as_ref()
            .map(|id| ReplayKey::v1(id, timestamp.seconds));

        let (resource, proof, replay, weaker) =
            if let Some(sent) = &request.user_scoped_resource_token {
                let field = "user_scoped_resource_token";
                let resource = resource.ok_or(missing("resource_id"))?;
                let user = user_id.as_ref().ok_or(missing("user_id"))?;
                self.match_token(field, sent, |salt| {
                    token::user_scoped_resource(
                        raw(&request.resource_id),
                        salt,
                        timestamp.raw,
                        raw(&request.user_id),
                        raw(&request.email),
                    )
                })?;
                let replay = ReplayKey::user_scoped(resource, timestamp.seconds, user.clone());
                let weaker = [
                    Some(ReplayKey::resource(resource, timestamp.seconds)),
                    weak_legacy,
                ];
                let resource = SignedResource::Resource(resource);
                (resource, Proof::SignedEmail, replay, weaker)
            } else if self.policy == SsoPolicy::UserScopedOnly {
                return Err(SsoError::NoAcceptedToken);
            } else if let Some(sent) = &request.resource_token {
                let resource = resource.ok_or(missing("resource_id"))?;
                self.match_token("resource_token", sent, |salt| {
                    token::resource(raw(&request.resource_id), salt, timestamp.raw)
                })?;
                let replay = ReplayKey::resource(resource, timestamp.seconds);
                let resource = SignedResource::Resource(resource);
                (resource, Proof::UnsignedEmail, replay, [weak_legacy, None])
            } else if let (SsoPolicy::Legacy, Some(sent)) = (self.policy, &request.token) {
                let id = legacy.ok_or(missing("id"))?;
                self.match_token("token", sent, |salt| {
                    token::v1(raw(&request.id), salt, timestamp.raw)
                })?;
                let replay = ReplayKey::v1(&id, timestamp.seconds);
                let resource = SignedResource::Legacy(id);
                (resource, Proof::UnsignedEmail, replay, [None, None])
            } else {
                return Err(SsoError::NoAcceptedToken);
            };

        self.check_time(timestamp.seconds, now)?;
        let mut weaker_keys = Vec::with_capacity(weaker.len());
        for key in weaker.into_iter().flatten() {
            // Two tokens of one form can be one use.
            if key != replay && !weaker_keys.contains(&key) {
                weaker_keys.push(key);
            }
        }
        Ok(VerifiedSso {
            resource,
            email,
            user_id,
            proof,
            issued_at: OffsetDateTime::from_unix_timestamp(timestamp.seconds)
                .map_err(|_| malformed("timestamp"))?,
            context_app: request.context_app.clone().filter(|name| is_app_name(name)),
            nav_data: request.nav_data.clone(),
            replay,
            weaker: weaker_keys,
        })
    }

    /// Until when a request issued at `issued_at` could pass again, and its use must be remembered.
    pub(crate) fn remember_until(&self, issued_at: OffsetDateTime) -> OffsetDateTime {
        issued_at + self.max_age + self.max_skew
    }

    pub(crate) fn uses(&self, policy: SsoPolicy) -> bool {
        self.policy == policy
    }

    /// Tries every salt whatever the first ones say, so that the time does not tell which one fits.
    fn match_token<const N: usize>(
        &self,
        field: &'static str,
        sent: &str,
        expected: impl Fn(&str) -> [u8; N],
    ) -> Result<(), SsoError> {
        let mut digest = [0; N];
        hex::decode_to_slice(sent, &mut digest).map_err(|_| malformed(field))?;
        let matched = self.salts.iter().fold(Choice::from(0), |matched, salt| {
            matched | expected(salt.expose()).ct_eq(&digest)
        });
        if bool::from(matched) {
            Ok(())
        } else {
            Err(SsoError::TokenMismatch { field })
        }
    }

    fn check_time(&self, seconds: i64, now: OffsetDateTime) -> Result<(), SsoError> {
        let now = now.unix_timestamp();
        let distance = Duration::from_secs(now.abs_diff(seconds));
        match seconds.cmp(&now) {
            Ordering::Less if distance > self.max_age => {
                Err(SsoError::TimestampStale { age: distance })
            }
            Ordering::Greater if distance > self.max_skew => {
                Err(SsoError::TimestampAhead { ahead: distance })
            }
            _ => Ok(()),
        }
    }
}

struct Timestamp<'a> {
    raw: &'a str,
    seconds: i64,
}

impl<'a> Timestamp<'a> {
    /// ASCII digits only: a sign, a space or the padding bytes of a length extension end here.
    fn parse(raw: Option<&'a str>) -> Result<Self, SsoError> {
        let raw = raw.ok_or(missing("timestamp"))?;
        let digits = raw.bytes().all(|b| b.is_ascii_digit());
        if !digits || raw.is_empty() || raw.len() > MAX_TIMESTAMP_DIGITS {
            return Err(malformed("timestamp"));
        }
        let seconds = raw.parse().map_err(|_| malformed("timestamp"))?;
        Ok(Self { raw, seconds })
    }
}

/// Heroku's grammar of app names.
fn is_app_name(name: &str) -> bool {
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (2..=64).contains(&name.len()) && name.bytes().all(allowed)
}

fn email(request: &SsoRequest) -> Result<Email, SsoError> {
    let raw = request.email.as_deref().ok_or(missing("email"))?;
    raw.parse().map_err(|_| malformed("email"))
}

fn optional<T: std::str::FromStr>(
    field: &'static str,
    value: &Option<String>,
) -> Result<Option<T>, SsoError> {
    let parsed = value.as_deref().map(str::parse).transpose();
    parsed.map_err(|_| malformed(field))
}

fn raw(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or_default()
}

fn missing(field: &'static str) -> SsoError {
    SsoError::MissingField { field }
}

fn malformed(field: &'static str) -> SsoError {
    SsoError::MalformedField { field }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_remembered_for_as_long_as_the_form_could_pass() {
        let salt = SsoSalt::new("2f97bfa52ca102f8874716e2eb1d3b4920ad0be4").unwrap();
        let verifier = Verifier::new([salt])
            .max_age(Duration::from_secs(300))
            .max_skew(Duration::from_secs(60));
        let issued_at = OffsetDateTime::UNIX_EPOCH;
        let until = verifier.remember_until(issued_at);
        assert_eq!(until, issued_at + Duration::from_secs(360));
    }
}
