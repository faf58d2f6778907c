//! Settings: the add-on's manifest, and everything that has a default.

use std::time::Duration;

use crate::access::ListPolicy;
use crate::heroku::HerokuUrl;
use crate::secret::{AddonPassword, ClientSecret, SsoSalt, WeakSecret};
use crate::sso::SsoPolicy;
use crate::sync::{RatePools, SyncScope};

/// What the add-on manifest and the Partner Portal say: no defaults, and no start without it.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub(crate) slug: String,
    pub(crate) password: AddonPassword,
    pub(crate) sso_salts: Vec<SsoSalt>,
    pub(crate) client_secret: ClientSecret,
}

impl Manifest {
    /// The manifest's `id`, `api.password` and `api.sso_salt`, and the OAuth client secret.
    pub fn new(
        slug: impl Into<String>,
        password: AddonPassword,
        sso_salt: SsoSalt,
        client_secret: ClientSecret,
    ) -> Self {
        Self {
            slug: slug.into(),
            password,
            sso_salts: vec![sso_salt],
            client_secret,
        }
    }

    /// Accepts one more salt, for the time of its rotation.
    #[must_use]
    pub fn also_salt(mut self, sso_salt: SsoSalt) -> Self {
        self.sso_salts.push(sso_salt);
        self
    }

    /// Reads `HEROKU_ADDON_SLUG`, `HEROKU_ADDON_PASSWORD`, `HEROKU_SSO_SALT` (several, separated by
    /// commas, during a rotation) and `HEROKU_CLIENT_SECRET`.
    ///
    /// # Errors
    /// [`SetupError`] names the variable that is missing or cannot be right, never its value.
    pub fn from_env() -> Result<Self, SetupError> {
        let slug = required("HEROKU_ADDON_SLUG")?;
        if slug.trim().is_empty() || slug.contains(':') {
            return Err(invalid("HEROKU_ADDON_SLUG", "the manifest's `id` is meant"));
        }
        let salts = required("HEROKU_SSO_SALT")?;
        if salts.split(',').any(|salt| salt.trim().is_empty()) {
            return Err(invalid(
                "HEROKU_SSO_SALT",
                "an entry between the commas is empty",
            ));
        }
        let salts = salts.split(',').map(str::trim);
        let salts = salts.map(|salt| secret("HEROKU_SSO_SALT", SsoSalt::new(salt)));
        let password = required("HEROKU_ADDON_PASSWORD")?;
        let client_secret = required("HEROKU_CLIENT_SECRET")?;
        Ok(Self {
            slug,
            password: secret("HEROKU_ADDON_PASSWORD", AddonPassword::new(password))?,
            sso_salts: salts.collect::<Result<_, _>>()?,
            client_secret: secret("HEROKU_CLIENT_SECRET", ClientSecret::new(client_secret))?,
        })
    }
}

/// Settings with defaults. [`HerokuSsoBuilder`](crate::HerokuSsoBuilder) has a method for each.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Which SSO tokens count. Default: [`SsoPolicy::V3`].
    pub sso_policy: SsoPolicy,
    /// How old an SSO request may be. Default: 5 minutes, as Heroku's article on SSO has it.
    pub sso_max_age: Duration,
    /// How far ahead of our clock an SSO request may be. Default: 60 seconds.
    pub sso_max_skew: Duration,
    /// Which people of Heroku's lists count. Default: [`ListPolicy::Documented`].
    pub list_policy: ListPolicy,
    /// How often a list in use is fetched, and how long a session lives without a newer list.
    /// Default: 5 minutes, the longest that Heroku's article on add-on ownership allows. At least
    /// one second.
    pub refresh_interval: Duration,
    /// How often a list that nobody uses is fetched. Default: 6 hours.
    pub idle_interval: Duration,
    /// The age at which a list stops admitting anybody, when Heroku does not answer. Default: twice
    /// `refresh_interval`. At least `refresh_interval`.
    pub max_list_age: Option<Duration>,
    /// Which resources are kept synchronized. Default: [`SyncScope::All`].
    pub sync_scope: SyncScope,
    /// Whose calls draw on one rate limit of Heroku's. Default: [`RatePools::Shared`].
    pub rate_pools: RatePools,
    /// The end of a session however often its list was fetched. Default: 90 minutes. At least
    /// `refresh_interval`.
    pub max_session: Duration,
    /// Whether a session outlives its first `refresh_interval`. Default: [`SessionLife::FollowsList`].
    pub session_life: SessionLife,
    /// What a browser gets when its session has ended. Default: [`OnExpired::Redirect`].
    pub on_expired: OnExpired,
    /// What becomes of a response body that is still being read when its reader's access ends.
    /// Default: [`Streams::EndWithAccess`].
    pub streams: Streams,
    /// Where Heroku posts the SSO form, as in the manifest's `sso_url`. Default: `/heroku/sso`.
    pub sso_path: String,
    /// Where a form posts to sign out. Default: `/logout`.
    pub sign_out_path: String,
    /// Where a browser lands after signing in. Default: `/`.
    pub landing_path: String,
    /// The Platform API. Default: `https://api.heroku.com`.
    pub api_url: HerokuUrl,
    /// The OAuth host. Default: `https://id.heroku.com`.
    pub id_url: HerokuUrl,
    /// How long one call to Heroku may take, from connecting to the last byte. Default: 10 seconds.
    /// Between 10 milliseconds and one minute. Connecting and each read have at most 3 and 5 seconds
    /// of it.
    pub heroku_timeout: Duration,
    /// How the cookies travel. Default: [`CookieTransport::Https`].
    pub cookies: CookieTransport,
}

/// Whether a session follows its list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum SessionLife {
    /// Each newer list that still has the user moves the session's end to one refresh interval
    /// after that list, up to `max_session`. The default.
    #[default]
    FollowsList,
    /// One refresh interval from the sign-in, and no longer.
    Fixed,
}

/// What a browser gets when it asks for a page after its session has ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnExpired {
    /// A redirect to the add-on's Heroku page, which signs the user in again and leads back; at
    /// most once a minute, then the page. The default.
    #[default]
    Redirect,
    /// A page that says so, with a link to the same place.
    Page,
}

/// What becomes of server-sent events, long polls and downloads whose reader's access ends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Streams {
    /// The body ends at that moment. The default.
    #[default]
    EndWithAccess,
    /// The body goes on to its own end; handlers look to it by
    /// [`HerokuUser::ended`](crate::HerokuUser::ended).
    LeaveOpen,
}

/// How the cookies travel.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum CookieTransport {
    /// `Secure`, with the `__Host-` prefix. The default.
    #[default]
    Https,
    /// Neither, so that clients keep them over plain http. For development on one's own machine
    /// only: whoever is on the network can read the session.
    InsecureHttp,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sso_policy: SsoPolicy::default(),
            sso_max_age: Duration::from_secs(5 * 60),
            sso_max_skew: Duration::from_secs(60),
            list_policy: ListPolicy::default(),
            refresh_interval: Duration::from_secs(5 * 60),
            idle_interval: Duration::from_secs(6 * 60 * 60),
            max_list_age: None,
            sync_scope: SyncScope::default(),
            rate_pools: RatePools::default(),
            max_session: Duration::from_secs(90 * 60),
            session_life: SessionLife::default(),
            on_expired: OnExpired::default(),
            streams: Streams::default(),
            sso_path: "/heroku/sso".into(),
            sign_out_path: "/logout".into(),
            landing_path: "/".into(),
            api_url: HerokuUrl::platform_api(),
            id_url: HerokuUrl::id_host(),
            heroku_timeout: Duration::from_secs(10),
            cookies: CookieTransport::default(),
        }
    }
}

impl Config {
    /// Reads the variables that are set, and leaves the defaults for the rest:
    ///
    /// | variable | setting |
    /// | --- | --- |
    /// | `HEROKU_SSO_POLICY` | `v3`, `user-scoped-only` or `legacy` |
    /// | `HEROKU_API_URL`, `HEROKU_ID_URL` | `api_url`, `id_url` |
    /// | `REFRESH_INTERVAL_SECS` | `refresh_interval`, in seconds |
    /// | `MAX_SESSION_SECS` | `max_session`, in seconds |
    /// | `INSECURE_COOKIES` | `1`: [`CookieTransport::InsecureHttp`]; `0`: the default |
    ///
    /// # Errors
    /// [`SetupError`] names the variable that cannot be right.
    pub fn from_env() -> Result<Self, SetupError> {
        let mut config = Self::default();
        if let Some(policy) = optional("HEROKU_SSO_POLICY")? {
            config.sso_policy = match policy.as_str() {
                "v3" => SsoPolicy::V3,
                "user-scoped-only" => SsoPolicy::UserScopedOnly,
                "legacy" => SsoPolicy::Legacy,
                _ => {
                    let expected = "expected v3, user-scoped-only or legacy";
                    return Err(invalid("HEROKU_SSO_POLICY", expected));
                }
            };
        }
        if let Some(url) = heroku_url("HEROKU_API_URL")? {
            config.api_url = url;
        }
        if let Some(url) = heroku_url("HEROKU_ID_URL")? {
            config.id_url = url;
        }
        if let Some(interval) = seconds("REFRESH_INTERVAL_SECS")? {
            config.refresh_interval = interval;
            // A long interval asked for by this variable alone is no contradiction.
            config.max_session = config.max_session.max(interval);
            config.idle_interval = config.idle_interval.max(interval);
        }
        if let Some(length) = seconds("MAX_SESSION_SECS")? {
            config.max_session = length;
        }
        config.cookies = match optional("INSECURE_COOKIES")?.as_deref() {
            None | Some("0") => CookieTransport::Https,
            Some("1") => CookieTransport::InsecureHttp,
            Some(_) => return Err(invalid("INSECURE_COOKIES", "expected 1 or 0")),
        };
        Ok(config)
    }

    pub(crate) fn check(&self) -> Result<(), SetupError> {
        let shortest = Duration::from_secs(1);
        let refresh = self.refresh_interval;
        for (setting, value, least, most) in [
            ("refresh_interval", refresh, shortest, LONGEST),
            ("idle_interval", self.idle_interval, refresh, LONGEST),
            ("max_list_age", self.list_age_limit(), refresh, LONGEST),
            ("max_session", self.max_session, refresh, LONGEST),
            (
                "sso_max_age",
                self.sso_max_age,
                Duration::ZERO,
                Duration::from_secs(3600),
            ),
            (
                "sso_max_skew",
                self.sso_max_skew,
                Duration::ZERO,
                Duration::from_secs(3600),
            ),
            (
                "heroku_timeout",
                self.heroku_timeout,
                Duration::from_millis(10),
                Duration::from_secs(60),
            ),
        ] {
            if value < least || value > most {
                return Err(SetupError::OutOfBounds {
                    setting,
                    least,
                    most,
                });
            }
        }
        let paths = [
            ("sso_path", &self.sso_path),
            ("sign_out_path", &self.sign_out_path),
            ("landing_path", &self.landing_path),
        ];
        for (setting, path) in paths {
            let plain = |b: u8| b.is_ascii_graphic() && !b"?#\\\"<>".contains(&b);
            if !path.starts_with('/') || path.starts_with("//") || !path.bytes().all(plain) {
                return Err(SetupError::InvalidPath { setting });
            }
        }
        if self.sso_path == self.sign_out_path || self.landing_path == self.sso_path {
            return Err(SetupError::InvalidPath {
                setting: "sso_path",
            });
        }
        Ok(())
    }

    pub(crate) fn list_age_limit(&self) -> Duration {
        let limit = self.max_list_age;
        limit.unwrap_or(self.refresh_interval.saturating_mul(2))
    }
}

/// No interval is longer than this: 30 days.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What is wrong with a set-up. Never holds the value of a setting that may be secret.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The http client cannot start.
    #[error("the http client cannot start")]
    Client(#[source] crate::heroku::HerokuError),
    /// A path setting that is no path, or that two settings share.
    #[error("{setting} must be a path that begins with one `/`, and differ from the others")]
    InvalidPath {
        /// The setting's name.
        setting: &'static str,
    },
    /// An environment variable with a value that cannot be right.
    #[error("{variable} cannot be used: {reason}")]
    InvalidVariable {
        /// The variable's name.
        variable: &'static str,
        /// What is expected instead.
        reason: String,
    },
    /// An environment variable that must be set.
    #[error("{variable} is not set")]
    MissingVariable {
        /// The variable's name.
        variable: &'static str,
    },
    /// A duration outside its bounds.
    #[error("{setting} must be between {least:?} and {most:?}")]
    OutOfBounds {
        /// The setting's name.
        setting: &'static str,
        /// The least that is allowed.
        least: Duration,
        /// The most that is allowed.
        most: Duration,
    },
    /// A secret that is none.
    #[error("{variable} holds no usable secret")]
    WeakSecret {
        /// The variable's name.
        variable: &'static str,
        /// What is wrong with it.
        #[source]
        source: WeakSecret,
    },
}

fn required(variable: &'static str) -> Result<String, SetupError> {
    optional(variable)?.ok_or(SetupError::MissingVariable { variable })
}

/// An empty variable counts as one that is not set.
fn optional(variable: &'static str) -> Result<Option<String>, SetupError> {
    match std::env::var(variable) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(invalid(variable, "not UTF-8")),
    }
}

fn seconds(variable: &'static str) -> Result<Option<Duration>, SetupError> {
    let value = optional(variable)?.map(|value| value.parse());
    let value = value.transpose();
    let value = value.map_err(|_| invalid(variable, "expected a number of seconds"))?;
    Ok(value.map(Duration::from_secs))
}

fn heroku_url(variable: &'static str) -> Result<Option<HerokuUrl>, SetupError> {
    let value = optional(variable)?.map(|value| value.parse::<HerokuUrl>());
    value
        .transpose()
        .map_err(|error| invalid(variable, error.to_string()))
}

fn secret<T>(variable: &'static str, secret: Result<T, WeakSecret>) -> Result<T, SetupError> {
    secret.map_err(|source| SetupError::WeakSecret { variable, source })
}

fn invalid(variable: &'static str, reason: impl Into<String>) -> SetupError {
    SetupError::InvalidVariable {
        variable,
        reason: reason.into(),
    }
}
