//! The environment variables: one row each. The table in [`guide::options`](crate::guide::options) has the
//! same rows, and a test compares them.

use std::time::Duration;

use url::Url;

use super::variable::{Fallback, Unusable, Variable};
use super::{CookieTransport, Enforcement, Manifest};
use crate::heroku::HerokuUrl;
#[cfg(feature = "jwt")]
use crate::jwt::{JwtKey, JwtKeys};
use crate::secret::{AddonPassword, ClientSecret, SsoSalt, WebhookSecret};
use crate::sso::SsoPolicy;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::store::EncryptionKeys;

pub(super) const VARIABLES: &[Variable] = &[
    Variable {
        name: "HEROKU_ADDON_SLUG",
        meaning: "the add-on manifest's `id`",
        default: Fallback::Required,
        read: |values, text| {
            if !Manifest::is_slug(text) {
                return Err(Unusable::because(
                    "expected the manifest's `id`, which has no colon",
                ));
            }
            values.slug = text.to_owned();
            Ok(())
        },
    },
    Variable {
        name: "HEROKU_ADDON_PASSWORD",
        meaning: "the add-on manifest's `api.password`",
        default: Fallback::Required,
        read: |values, text| {
            values.password = Some(AddonPassword::new(text)?);
            Ok(())
        },
    },
    Variable {
        name: "HEROKU_SSO_SALT",
        meaning: "the add-on manifest's `api.sso_salt`; several, separated by commas, during a rotation",
        default: Fallback::Required,
        read: |values, text| {
            values.salts = each(text, |salt| Ok(SsoSalt::new(salt)?))?;
            Ok(())
        },
    },
    Variable {
        name: "HEROKU_CLIENT_SECRET",
        meaning: "the OAuth client secret, from the Partner Portal",
        default: Fallback::Required,
        read: |values, text| {
            values.client_secret = Some(ClientSecret::new(text)?);
            Ok(())
        },
    },
    Variable {
        name: "DATABASE_URL",
        meaning: "the [`store`]: `postgres://…` (feature `postgres`) or `sqlite:FILE` (feature `sqlite`)",
        default: Fallback::None,
        read: |values, text| {
            values.database_url = Some(text.into());
            Ok(())
        },
    },
    Variable {
        name: "TOKEN_ENCRYPTION_KEY",
        meaning: "encrypts the tokens in the database: 32 random bytes in base64; several, separated by \
                  commas, during a rotation: the first encrypts, all open",
        default: Fallback::None,
        #[cfg(any(feature = "postgres", feature = "sqlite"))]
        read: |values, text| {
            values.encryption_keys = Some(encryption_keys(text)?);
            values.has_encryption_key = true;
            Ok(())
        },
        #[cfg(not(any(feature = "postgres", feature = "sqlite")))]
        read: |values, _| {
            values.has_encryption_key = true;
            Ok(())
        },
    },
    Variable {
        name: "SESSION_KEY",
        meaning: "signs sessions in cookies, [`CookieSessions`] (feature `jwt`): at least 32 bytes in base64; \
                  several, separated by commas, during a rotation: the first signs, all verify",
        default: Fallback::None,
        #[cfg(feature = "jwt")]
        read: |values, text| {
            values.session_keys = Some(session_keys(text)?);
            Ok(())
        },
        #[cfg(not(feature = "jwt"))]
        read: |_, _| Err(Unusable::FeatureOff("jwt")),
    },
    Variable {
        name: "HEROKU_WEBHOOK_SECRET",
        meaning: "signs Heroku's webhooks: a secret of your choice, such as 32 random bytes; several, \
                  separated by commas, during a rotation: the first signs new subscriptions",
        default: Fallback::None,
        read: |values, text| {
            values.webhook_secrets = each(text, |secret| Ok(WebhookSecret::new(secret)?))?;
            Ok(())
        },
    },
    Variable {
        name: "HEROKU_WEBHOOK_URL",
        meaning: "the public address of `POST /heroku/webhooks`: subscribes each add-on to [`webhooks`]",
        default: Fallback::None,
        read: |values, text| {
            let url = Url::parse(text).map_err(|_| Unusable::because("expected an address"))?;
            values.webhook_url = Some(url);
            Ok(())
        },
    },
    Variable {
        name: "REFRESH_INTERVAL_SECS",
        meaning: "[`refresh_interval`], in seconds",
        default: Fallback::Value("300"),
        read: |values, text| {
            values.config.refresh_interval = seconds(text)?;
            Ok(())
        },
    },
    Variable {
        name: "IN_USE_FOR_SECS",
        meaning: "[`in_use_for`], in seconds",
        default: Fallback::ValueOrRefresh("900"),
        read: |values, text| {
            values.config.in_use_for = Some(seconds(text)?);
            Ok(())
        },
    },
    Variable {
        name: "MAX_SESSION_SECS",
        meaning: "[`max_session`], in seconds",
        default: Fallback::ValueOrRefresh("5400"),
        read: |values, text| {
            values.config.max_session = Some(seconds(text)?);
            Ok(())
        },
    },
    Variable {
        name: "HEROKU_SSO_POLICY",
        meaning: "[`sso_policy`]: `user-scoped`, `allow-unsigned-email` or `legacy`",
        default: Fallback::Value("user-scoped"),
        read: |values, text| {
            let policy = text.parse::<SsoPolicy>();
            values.config.sso_policy = policy.map_err(Unusable::because)?;
            Ok(())
        },
    },
    Variable {
        name: "HEROKU_SSO_ENFORCEMENT",
        meaning: "[`enforcement`]: `enforce`, `observe`, or a share of the resources such as `25%`",
        default: Fallback::Value("enforce"),
        read: |values, text| {
            let enforcement = text.parse::<Enforcement>();
            values.config.enforcement = enforcement.map_err(Unusable::because)?;
            Ok(())
        },
    },
    Variable {
        name: "INCLUDE_ATTACHED_APPS",
        meaning: "`1`: [`include_attached_apps`]",
        default: Fallback::Value("0"),
        read: |values, text| {
            values.config.include_attached_apps = switch(text)?;
            Ok(())
        },
    },
    Variable {
        name: "HEROKU_API_URL",
        meaning: "[`api_url`]",
        default: Fallback::Value("https://api.heroku.com"),
        read: |values, text| {
            values.config.api_url = heroku_url(text)?;
            Ok(())
        },
    },
    Variable {
        name: "HEROKU_ID_URL",
        meaning: "[`id_url`]",
        default: Fallback::Value("https://id.heroku.com"),
        read: |values, text| {
            values.config.id_url = heroku_url(text)?;
            Ok(())
        },
    },
    Variable {
        name: "PUBLIC_URL",
        meaning: "[`public_url`], with the path prefix that a reverse proxy strips",
        default: Fallback::None,
        read: |values, text| {
            let url = Url::parse(text).map_err(|_| Unusable::because("expected an address"))?;
            values.config.public_url = Some(url);
            Ok(())
        },
    },
    Variable {
        name: "INSECURE_COOKIES",
        meaning: "`1`: [`insecure_cookies`], for development",
        default: Fallback::Value("0"),
        read: |values, text| {
            values.config.cookies = match switch(text)? {
                true => CookieTransport::InsecureHttp,
                false => CookieTransport::Https,
            };
            Ok(())
        },
    },
    Variable {
        name: "EXPLAIN_REJECTIONS",
        meaning: "`1`, with `INSECURE_COOKIES=1`: [`development`]",
        default: Fallback::Value("0"),
        read: |values, text| {
            values.config.explain_rejections = switch(text)?;
            Ok(())
        },
    },
];

/// The variable of this name.
///
/// # Panics
/// If there is none.
pub(super) fn variable(name: &str) -> &'static Variable {
    let found = VARIABLES.iter().find(|variable| variable.name == name);
    found.expect("a row of VARIABLES")
}

/// The values between the commas, of which there is at least one.
fn each<T>(text: &str, read: impl Fn(&str) -> Result<T, Unusable>) -> Result<Vec<T>, Unusable> {
    let values = text.split(',').map(|text| match text.trim() {
        "" => Err(Unusable::because("an entry between the commas is empty")),
        text => read(text),
    });
    values.collect()
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
fn encryption_keys(text: &str) -> Result<EncryptionKeys, Unusable> {
    text.parse().map_err(Unusable::because)
}

#[cfg(feature = "jwt")]
fn session_keys(text: &str) -> Result<JwtKeys, Unusable> {
    let key = |text: &str| JwtKey::hs256_base64(text).map_err(Unusable::because);
    let mut keys = each(text, key)?.into_iter();
    let first = keys.next().ok_or(Unusable::because("it is empty"))?;
    Ok(keys.fold(JwtKeys::new(first), JwtKeys::with_previous_key))
}

fn switch(text: &str) -> Result<bool, Unusable> {
    match text {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(Unusable::because("expected 1 or 0")),
    }
}

fn seconds(text: &str) -> Result<Duration, Unusable> {
    let seconds = text.parse();
    let seconds = seconds.map_err(|_| Unusable::because("expected a number of seconds"))?;
    Ok(Duration::from_secs(seconds))
}

fn heroku_url(text: &str) -> Result<Url, Unusable> {
    let url = Url::parse(text).map_err(|_| Unusable::because("not a valid address"))?;
    let allowed = HerokuUrl::try_from(url.clone()).map_err(Unusable::because);
    allowed.map(|_| url)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::Config;
    use super::super::variable::Values;
    use super::*;

    const OPTIONS: &str = include_str!("../guide/options.md");
    const README: &str = include_str!("../../README.md");
    const DEPLOYING: &str = include_str!("../../DEPLOYING.md");

    /// What else the two pages name.
    const OTHERS: &[&str] = &[
        "NEW_KEY",
        "OLD_KEY",
        "ON_ERROR_STOP",
        "REDIS_URL",
        "RESTORED_DATABASE_URL",
        "RESTORED_SQLITE_FILE",
        "SQLITE_FILE",
    ];

    fn is_part(c: char) -> bool {
        c.is_ascii_uppercase() || c == '_'
    }

    /// Words such as `HEROKU_SSO_SALT`.
    fn names_in(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words
            .filter(|word| word.contains('_') && word.chars().all(is_part))
            .collect()
    }

    #[test]
    fn table_in_the_guide_has_the_same_rows() {
        let rows = VARIABLES.iter().map(|variable| {
            let default = match variable.default {
                Fallback::Required => "required".to_owned(),
                Fallback::None => "none".to_owned(),
                Fallback::Value(value) => format!("`{value}`"),
                Fallback::ValueOrRefresh(value) => format!("`{value}`, or the refresh interval"),
            };
            let Variable { name, meaning, .. } = variable;
            format!("| `{name}` | {meaning} | {default} |")
        });
        let rows: Vec<_> = rows.collect();
        let table = OPTIONS.split("| variable | meaning | default |").nth(1);
        let table = table.expect("the table").lines().skip(2);
        let table: Vec<_> = table.take_while(|line| line.starts_with('|')).collect();
        assert_eq!(table, rows);
    }

    #[test]
    fn readme_and_deploying_name_no_unknown_variable() {
        let known: BTreeSet<_> = VARIABLES.iter().map(|variable| variable.name).collect();
        let named = &names_in(README) | &names_in(DEPLOYING);
        let unknown: Vec<_> = named
            .iter()
            .filter(|name| !known.contains(*name) && !OTHERS.contains(name))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        for variable in VARIABLES {
            let is_required = matches!(variable.default, Fallback::Required);
            let is_named = names_in(DEPLOYING).contains(variable.name);
            assert!(is_named || !is_required, "{}", variable.name);
        }
    }

    #[test]
    fn default_in_the_table_is_the_default_of_the_setting() {
        let effective = |mut config: Config| {
            config.in_use_for = Some(config.time_in_use());
            config.max_session = Some(config.session_limit());
            format!("{config:?}")
        };
        for variable in VARIABLES {
            let (Fallback::Value(value) | Fallback::ValueOrRefresh(value)) = variable.default
            else {
                continue;
            };
            let mut values = Values::default();
            assert!((variable.read)(&mut values, value).is_ok());
            let (set, default) = (effective(values.config), effective(Config::default()));
            assert_eq!(set, default, "{}", variable.name);
        }
    }
}
