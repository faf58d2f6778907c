//! Verification of an untrusted form.

use std::cmp::Ordering;
use std::str::FromStr;
use std::time::Duration;

use heroku_sso_store::{Email, LegacyId, ResourceId, UserId};
use subtle::{Choice, ConstantTimeEq};
use time::OffsetDateTime;

use super::verified::{Proof, SignedResource, VerifiedSso};
use super::{ReplayKey, SsoError, SsoPolicy, SsoRequest, token};
use crate::secret::SsoSalt;

/// The maximum digits of a timestamp: enough until the year 33658, and no room for hash padding.
const MAX_TIMESTAMP_DIGITS: usize = 12;

/// Checks SSO requests against the salts, the policy and the time.
///
/// ```
/// use time::OffsetDateTime;
/// use tower_heroku_sso::{sso::{SsoRequest, Verifier}, Proof};
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
#[must_use = "a verifier does nothing until `verify` is called"]
pub struct Verifier {
    salts: Vec<SsoSalt>,
    policy: SsoPolicy,
    max_age: Duration,
    max_skew: Duration,
}

impl Verifier {
    /// A verifier for the given salts: the current one and, during a rotation, the previous one.
    /// Without a salt nothing verifies.
    pub fn new(salts: impl IntoIterator<Item = SsoSalt>) -> Self {
        Self {
            salts: salts.into_iter().collect(),
            policy: SsoPolicy::default(),
            max_age: Duration::from_secs(5 * 60),
            max_skew: Duration::from_secs(60),
        }
    }

    /// Which tokens are accepted. Default: [`SsoPolicy::UserScoped`].
    pub fn policy(mut self, policy: SsoPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The maximum age of a request. Default: 5 minutes, as in Heroku's article. Ages are in
    /// whole seconds, as Heroku's timestamps are: five minutes and a half second count as five minutes.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// How far a request may be ahead of our clock, also in whole seconds. Default: 60 seconds;
    /// Heroku documents no rule.
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
        let proved = self.proved(request, &timestamp, user_id.as_ref())?;
        self.check_time(timestamp.seconds, now)?;
        // Last, so that this error means that only the policy prevents the sign-in.
        if !self.policy.includes(proved.policy) {
            return Err(SsoError::PolicyExcludes {
                field: proved.field,
                needed: proved.policy,
            });
        }
        let weaker = self.weaker_keys(request, timestamp.seconds, &proved);
        Ok(VerifiedSso {
            resource: proved.resource,
            email,
            user_id,
            proof: match proved.policy {
                SsoPolicy::UserScoped => Proof::SignedEmail,
                SsoPolicy::AllowUnsignedEmail | SsoPolicy::Legacy => Proof::UnsignedEmail,
            },
            issued_at: OffsetDateTime::from_unix_timestamp(timestamp.seconds)
                .map_err(|_| malformed("timestamp"))?,
            context_app: request.context_app.clone().filter(|name| is_app_name(name)),
            nav_data: request.nav_data.clone(),
            replay: proved.replay,
            weaker,
        })
    }

    /// Whether Heroku signed the email of this request, whichever tokens the policy accepts. None if Heroku did
    /// not make the request.
    pub(crate) fn proof(&self, request: &SsoRequest, now: OffsetDateTime) -> Option<Proof> {
        match self.verify(request, now) {
            Ok(verified) => Some(verified.proof),
            // Every policy accepts the token that signs the email.
            Err(SsoError::PolicyExcludes { .. }) => Some(Proof::UnsignedEmail),
            Err(_) => None,
        }
    }

    /// What the strongest token in the request proves. Only fields that are part of the
    /// proof are read: fields that Heroku adds for older add-ons may contain anything.
    fn proved(
        &self,
        request: &SsoRequest,
        timestamp: &Timestamp<'_>,
        user_id: Option<&UserId>,
    ) -> Result<Proved, SsoError> {
        let at = timestamp.seconds;
        let resource = || required::<ResourceId>("resource_id", &request.resource_id);
        if let Some(sent) = &request.user_scoped_resource_token {
            let field = "user_scoped_resource_token";
            let resource = resource()?;
            let user = user_id.ok_or(missing("user_id"))?;
            self.match_token(field, sent, |salt| {
                token::user_scoped_resource(
                    raw(&request.resource_id),
                    salt,
                    timestamp.raw,
                    raw(&request.user_id),
                    raw(&request.email),
                )
            })?;
            return Ok(Proved {
                field,
                policy: SsoPolicy::UserScoped,
                resource: SignedResource::Resource(resource),
                replay: ReplayKey::user_scoped(resource, at, user.clone()),
            });
        }
        if let Some(sent) = &request.resource_token {
            let field = "resource_token";
            let resource = resource()?;
            self.match_token(field, sent, |salt| {
                token::resource(raw(&request.resource_id), salt, timestamp.raw)
            })?;
            return Ok(Proved {
                field,
                policy: SsoPolicy::AllowUnsignedEmail,
                resource: SignedResource::Resource(resource),
                replay: ReplayKey::resource(resource, at),
            });
        }
        if let Some(sent) = &request.token {
            let field = "token";
            let id = required::<LegacyId>("id", &request.id)?;
            self.match_token(field, sent, |salt| {
                token::v1(raw(&request.id), salt, timestamp.raw)
            })?;
            return Ok(Proved {
                field,
                policy: SsoPolicy::Legacy,
                replay: ReplayKey::v1(&id, at),
                resource: SignedResource::Legacy(id),
            });
        }
        Err(SsoError::NoToken)
    }

    /// The uses that the form would still have without its strongest token.
    fn weaker_keys(&self, request: &SsoRequest, at: i64, proved: &Proved) -> Vec<ReplayKey> {
        let SignedResource::Resource(resource) = &proved.resource else {
            return Vec::new();
        };
        // A stricter policy does not accept such a use.
        let legacy = request
            .id
            .as_ref()
            .filter(|_| self.policy == SsoPolicy::Legacy);
        let legacy = legacy.and_then(|id| id.parse().ok());
        let legacy = legacy.map(|id| ReplayKey::v1(&id, at));
        let mut keys = Vec::with_capacity(2);
        for key in [Some(ReplayKey::resource(*resource, at)), legacy]
            .into_iter()
            .flatten()
        {
            // Two tokens of one form can share one key.
            if key != proved.replay && !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// How long a request issued at `issued_at` could be accepted again, so that its use must be recorded.
    pub(crate) fn remember_until(&self, issued_at: OffsetDateTime) -> OffsetDateTime {
        issued_at + self.max_age + self.max_skew
    }

    pub(crate) fn uses(&self, policy: SsoPolicy) -> bool {
        self.policy == policy
    }

    /// Tries every salt even after a match, so that the time does not reveal which one matches.
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

/// The content of a matching token.
struct Proved {
    field: &'static str,
    /// The strictest policy that accepts this token.
    policy: SsoPolicy,
    resource: SignedResource,
    replay: ReplayKey,
}

struct Timestamp<'a> {
    raw: &'a str,
    seconds: i64,
}

impl<'a> Timestamp<'a> {
    /// Accepts ASCII digits only: not a sign, a space or the padding bytes of a length extension.
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

fn optional<T: FromStr>(
    field: &'static str,
    value: &Option<String>,
) -> Result<Option<T>, SsoError> {
    let parsed = value.as_deref().map(str::parse).transpose();
    parsed.map_err(|_| malformed(field))
}

fn required<T: FromStr>(field: &'static str, value: &Option<String>) -> Result<T, SsoError> {
    optional(field, value)?.ok_or(missing(field))
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
    fn used_form_is_remembered_while_it_could_pass() {
        let salt = SsoSalt::new("2f97bfa52ca102f8874716e2eb1d3b4920ad0be4").unwrap();
        let verifier = Verifier::new([salt])
            .max_age(Duration::from_secs(300))
            .max_skew(Duration::from_secs(60));
        let issued_at = OffsetDateTime::UNIX_EPOCH;
        let until = verifier.remember_until(issued_at);
        assert_eq!(until, issued_at + Duration::from_secs(360));
    }
}
