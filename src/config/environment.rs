//! Manifest and settings from environment variables.

use std::time::Duration;

use url::Url;

use super::{Config, CookieTransport, Manifest, MissingVariable, SetupError};
use crate::heroku::HerokuUrl;
#[cfg(feature = "jwt")]
use crate::jwt::{JwtKey, JwtKeys};
use crate::secret::{AddonPassword, ClientSecret, SsoSalt, WeakSecret, WebhookSecret};
use crate::sso::SsoPolicy;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::store::{EncryptionKey, EncryptionKeys};
use crate::webhook::Webhooks;

const SLUG: MissingVariable = wanted("HEROKU_ADDON_SLUG", "the add-on manifest's `id`");
const PASSWORD: MissingVariable = wanted(
    "HEROKU_ADDON_PASSWORD",
    "the add-on manifest's `api.password`",
);
const SALT: MissingVariable = wanted("HEROKU_SSO_SALT", "the add-on manifest's `api.sso_salt`");
const CLIENT_SECRET: MissingVariable = wanted(
    "HEROKU_CLIENT_SECRET",
    "the OAuth client secret, from the Partner Portal",
);

impl Manifest {
    /// Reads `HEROKU_ADDON_SLUG`, `HEROKU_ADDON_PASSWORD`, `HEROKU_SSO_SALT` (several, separated by
    /// commas, during a rotation) and `HEROKU_CLIENT_SECRET`.
    ///
    /// # Errors
    /// [`SetupError`] names all missing variables, or one that is invalid, never its value.
    pub fn from_env() -> Result<Self, SetupError> {
        let [slug, password, salts, client_secret] = all([SLUG, PASSWORD, SALT, CLIENT_SECRET])?;
        if slug.contains(':') {
            return Err(invalid(SLUG.variable, "expected the manifest's `id`"));
        }
        if salts.split(',').any(|salt| salt.trim().is_empty()) {
            let reason = "an entry between the commas is empty";
            return Err(invalid(SALT.variable, reason));
        }
        let salts = salts.split(',').map(str::trim);
        let salts = salts.map(|salt| secret(SALT.variable, SsoSalt::new(salt)));
        Ok(Self {
            slug,
            password: secret(PASSWORD.variable, AddonPassword::new(password))?,
            sso_salts: salts.collect::<Result<_, _>>()?,
            client_secret: secret(CLIENT_SECRET.variable, ClientSecret::new(client_secret))?,
        })
    }
}

impl Config {
    /// Reads the variables that are set, and keeps the defaults for the others:
    ///
    /// | variable | setting |
    /// | --- | --- |
    /// | `HEROKU_SSO_POLICY` | `sso_policy`: `user-scoped`, `allow-unsigned-email` or `legacy` |
    /// | `INCLUDE_ATTACHED_APPS` | `1`: `include_attached_apps`; `0`: the default |
    /// | `HEROKU_API_URL`, `HEROKU_ID_URL` | `api_url`, `id_url` |
    /// | `REFRESH_INTERVAL_SECS` | `refresh_interval`, in seconds |
    /// | `IN_USE_FOR_SECS` | `in_use_for`, in seconds |
    /// | `MAX_SESSION_SECS` | `max_session`, in seconds |
    /// | `HEROKU_WEBHOOK_SECRET` | `webhooks`, such as 32 random bytes; several, separated by commas, during a rotation: the first signs new subscriptions |
    /// | `HEROKU_WEBHOOK_URL` | the public address of `POST /heroku/webhooks`: subscribes each add-on to them |
    /// | `INSECURE_COOKIES` | `1`: [`CookieTransport::InsecureHttp`]; `0`: the default |
    /// | `EXPLAIN_REJECTIONS` | `1`: `explain_rejections`, for development, with `INSECURE_COOKIES=1`; `0`: the default |
    ///
    /// # Errors
    /// [`SetupError`] names the invalid variable.
    pub fn from_env() -> Result<Self, SetupError> {
        let mut config = Self::default();
        if let Some(policy) = optional("HEROKU_SSO_POLICY")? {
            let policy = policy.parse::<SsoPolicy>();
            let policy = policy.map_err(|error| invalid("HEROKU_SSO_POLICY", error.to_string()));
            config.sso_policy = policy?;
        }
        config.include_attached_apps = switch("INCLUDE_ATTACHED_APPS")?;
        if let Some(url) = heroku_url("HEROKU_API_URL")? {
            config.api_url = url;
        }
        if let Some(url) = heroku_url("HEROKU_ID_URL")? {
            config.id_url = url;
        }
        if let Some(interval) = seconds("REFRESH_INTERVAL_SECS")? {
            config.refresh_interval = interval;
            // A long interval set by this variable alone raises the settings that must not be shorter.
            config.max_session = config.max_session.max(interval);
            config.idle_interval = config.idle_interval.max(interval);
        }
        config.in_use_for = seconds("IN_USE_FOR_SECS")?;
        if let Some(length) = seconds("MAX_SESSION_SECS")? {
            config.max_session = length;
        }
        config.webhooks = webhooks()?;
        if switch("INSECURE_COOKIES")? {
            config.cookies = CookieTransport::InsecureHttp;
        }
        config.explain_rejections = switch("EXPLAIN_REJECTIONS")?;
        Ok(config)
    }
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl EncryptionKeys {
    /// Reads `TOKEN_ENCRYPTION_KEY`: 32 bytes in base64, as `head -c 32 /dev/urandom | base64` prints them.
    /// Several keys, separated by commas, during a rotation: the first encrypts, all open.
    ///
    /// # Errors
    /// [`SetupError`] if the variable is missing or invalid.
    pub fn from_env() -> Result<Self, SetupError> {
        const KEY: &str = "TOKEN_ENCRYPTION_KEY";

        let [text] = all([one_key(KEY)])?;
        let mut keys = text.split(',').map(|text| {
            let key = EncryptionKey::from_base64(text);
            key.map_err(|error| invalid(KEY, error.to_string()))
        });
        let first = keys.next().unwrap_or(Err(invalid(KEY, "it is empty")))?;
        keys.try_fold(Self::new(first), |keys, key| {
            Ok(keys.with_previous_key(key?))
        })
    }
}

/// Reads `SESSION_KEY`, the key of [`stateless`](crate::HerokuSsoBuilder::stateless) sessions: at least 32
/// bytes in base64, as `head -c 32 /dev/urandom | base64` prints them. Several keys, separated by commas,
/// during a rotation: the first signs, all verify.
///
/// # Errors
/// [`SetupError`] if the variable is missing or invalid.
#[cfg(feature = "jwt")]
pub fn session_keys_from_env() -> Result<JwtKeys, SetupError> {
    const KEY: &str = "SESSION_KEY";

    let [text] = all([one_key(KEY)])?;
    let mut keys = text.split(',').map(|text| {
        let key = JwtKey::hs256_base64(text);
        key.map_err(|error| invalid(KEY, error.to_string()))
    });
    let first = keys.next().unwrap_or(Err(invalid(KEY, "it is empty")))?;
    keys.try_fold(JwtKeys::new(first), |keys, key| {
        Ok(keys.with_previous_key(key?))
    })
}

fn webhooks() -> Result<Option<Webhooks>, SetupError> {
    const SECRET: &str = "HEROKU_WEBHOOK_SECRET";
    const URL: &str = "HEROKU_WEBHOOK_URL";

    let url = optional(URL)?.map(|url| Url::parse(&url));
    let url = url.transpose();
    let url = url.map_err(|_| invalid(URL, "expected an address"))?;
    let Some(secrets) = optional(SECRET)? else {
        let meaning = "a secret of your choice that signs webhooks, such as 32 random bytes";
        let missing = SetupError::MissingVariables {
            variables: vec![wanted(SECRET, meaning)],
        };
        return url.map_or(Ok(None), |_| Err(missing));
    };
    let mut webhooks = None;
    for text in secrets.split(',') {
        let secret = secret(SECRET, WebhookSecret::new(text.trim()))?;
        webhooks = Some(match webhooks {
            None => Webhooks::new(secret),
            Some(webhooks) => Webhooks::with_previous_secret(webhooks, secret),
        });
    }
    Ok(webhooks.map(|webhooks| match url {
        Some(url) => webhooks.subscribe_at(url),
        None => webhooks,
    }))
}

const fn wanted(variable: &'static str, meaning: &'static str) -> MissingVariable {
    MissingVariable { variable, meaning }
}

#[cfg(any(feature = "jwt", feature = "postgres", feature = "sqlite"))]
fn one_key(variable: &'static str) -> MissingVariable {
    let meaning = "a key of your choice, as `head -c 32 /dev/urandom | base64` prints one";
    wanted(variable, meaning)
}

/// The values of required variables.
fn all<const N: usize>(wanted: [MissingVariable; N]) -> Result<[String; N], SetupError> {
    let (mut values, mut variables) = ([const { String::new() }; N], Vec::new());
    for (value, wanted) in values.iter_mut().zip(wanted) {
        match optional(wanted.variable)? {
            Some(text) => *value = text,
            None => variables.push(wanted),
        }
    }
    if !variables.is_empty() {
        return Err(SetupError::MissingVariables { variables });
    }
    Ok(values)
}

fn switch(variable: &'static str) -> Result<bool, SetupError> {
    match optional(variable)?.as_deref() {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(_) => Err(invalid(variable, "expected 1 or 0")),
    }
}

/// The value without surrounding spaces and line breaks, which often come with a copied value. An empty
/// variable counts as not set.
fn optional(variable: &'static str) -> Result<Option<String>, SetupError> {
    match std::env::var(variable) {
        Ok(value) if value.trim().is_empty() => Ok(None),
        Ok(value) => Ok(Some(value.trim().to_owned())),
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
    secret.map_err(|reason| SetupError::WeakSecret { variable, reason })
}

fn invalid(variable: &'static str, reason: impl Into<String>) -> SetupError {
    SetupError::InvalidVariable {
        variable,
        reason: reason.into(),
    }
}
