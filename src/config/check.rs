//! Validation of the settings.

use std::time::Duration;

use url::Url;

use super::settings::{LONGEST, PLACEHOLDER};
use super::{Config, CookieTransport, Enforcement, Manifest, SetupError};
use crate::heroku::HerokuUrl;
use crate::webhook::Webhooks;

/// The paths of the crate's other routes.
const FIXED: &[(&str, &str)] = &[
    ("the path of the Partner API", "/heroku/resources"),
    ("the path of webhooks", "/heroku/webhooks"),
    ("the path of the public keys", "/.well-known/jwks.json"),
];

/// Names the first invalid setting.
pub(crate) fn check(manifest: &Manifest, config: &Config) -> Result<(), SetupError> {
    if !Manifest::is_slug(&manifest.slug) {
        return Err(SetupError::InvalidSlug);
    }
    check_durations(config)?;
    check_paths(config)?;
    if let Some(pattern) = &config.resource_in_path {
        let before = pattern.strip_suffix(PLACEHOLDER).unwrap_or_default();
        let is_escaped = before.contains('%');
        let slashes = before.ends_with('/') && !before.contains("//");
        if !slashes || is_escaped || !is_path(before) {
            return Err(SetupError::InvalidResourcePath);
        }
    }
    if let Some(url) = &config.public_url {
        let is_https = url.scheme() == "https";
        let is_http = url.scheme() == "http" && config.cookies == CookieTransport::InsecureHttp;
        let prefix = config.public_prefix();
        let has_path = prefix.is_empty() || is_path(prefix);
        if !(is_https || is_http) || !has_path || !is_plain(url) {
            return Err(SetupError::PublicUrl);
        }
        if is_https && config.cookies == CookieTransport::InsecureHttp {
            return Err(SetupError::InsecureCookies);
        }
    }
    let is_origin =
        |url: &Url| matches!(url.scheme(), "http" | "https") && url.path() == "/" && is_plain(url);
    if !config.allowed_origins.iter().all(is_origin) {
        return Err(SetupError::AllowedOrigin);
    }
    heroku_url("api_url", &config.api_url)?;
    heroku_url("id_url", &config.id_url)?;
    check_enforcement(config)?;
    let address = config.webhooks.as_ref().and_then(Webhooks::url);
    // The same rule as for Heroku's addresses.
    if address.is_some_and(|url| HerokuUrl::try_from(url.clone()).is_err()) {
        return Err(SetupError::WebhookAddress);
    }
    Ok(())
}

/// The address of one of Heroku's hosts.
pub(crate) fn heroku_url(setting: &'static str, url: &Url) -> Result<HerokuUrl, SetupError> {
    let url = HerokuUrl::try_from(url.clone());
    url.map_err(|reason| SetupError::HerokuAddress { setting, reason })
}

fn check_enforcement(config: &Config) -> Result<(), SetupError> {
    let (by_session, by_path) = (&config.resource_of, &config.resource_in_path);
    if by_session.is_some() && by_path.is_some() {
        return Err(SetupError::Excluded {
            setting: "resource_of",
            other: "resource_in_path",
        });
    }
    let is_partial = matches!(config.enforcement, Enforcement::For(_));
    if is_partial && by_session.is_none() && by_path.is_none() {
        return Err(SetupError::Needs {
            setting: "enforcement for some resources",
            other: "resource_of or resource_in_path: the resource of a request without a session",
        });
    }
    Ok(())
}

fn check_durations(config: &Config) -> Result<(), SetupError> {
    const REFRESH: Option<&str> = Some("refresh_interval");

    let hour = Duration::from_secs(60 * 60);
    let (zero, second, minute) = (Duration::ZERO, Duration::from_secs(1), hour / 60);
    let refresh = config.refresh_interval;
    for (setting, value, least, least_is, most) in [
        ("refresh_interval", refresh, second, None, LONGEST),
        (
            "idle_interval",
            config.idle_refresh(),
            refresh,
            REFRESH,
            LONGEST,
        ),
        (
            "in_use_for",
            config.time_in_use(),
            refresh,
            REFRESH,
            LONGEST,
        ),
        (
            "max_list_age",
            config.list_age_limit(),
            refresh,
            REFRESH,
            LONGEST,
        ),
        (
            "max_session",
            config.session_limit(),
            refresh,
            REFRESH,
            LONGEST,
        ),
        ("dormant_for", config.dormant_for, hour, None, LONGEST),
        ("sso_max_age", config.sso_max_age, zero, None, hour),
        ("sso_max_skew", config.sso_max_skew, zero, None, hour),
        ("session_cache", config.session_cache, zero, None, minute),
        (
            "heroku_timeout",
            config.heroku_timeout,
            second / 100,
            None,
            minute,
        ),
    ] {
        if value < least || value > most {
            return Err(SetupError::OutOfBounds {
                setting,
                least,
                least_is,
                most,
            });
        }
    }
    Ok(())
}

fn check_paths(config: &Config) -> Result<(), SetupError> {
    let own = [
        ("sso_path", Some(&*config.sso_path)),
        ("sign_out_path", Some(&*config.sign_out_path)),
        ("landing_path", Some(&*config.landing_path)),
        ("cli_sign_in_path", config.cli_sign_in_path()),
    ];
    let own = own.map(|(setting, path)| path.map(|path| (setting, path)));
    let mut taken = FIXED.to_vec();
    for (setting, path) in own.into_iter().flatten() {
        if !is_path(path) {
            return Err(SetupError::InvalidPath { setting });
        }
        if let Some((other, _)) = taken.iter().find(|(_, other)| *other == path) {
            return Err(SetupError::SamePath { setting, other });
        }
        taken.push((setting, path));
    }
    Ok(())
}

/// No credentials, no query, no fragment.
fn is_plain(url: &Url) -> bool {
    url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

fn is_path(path: &str) -> bool {
    // Braces, stars and colons have, or once had, a meaning in axum's routes.
    let plain = |b: u8| b.is_ascii_graphic() && !b"?#\\\"<>{}*".contains(&b);
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains("/:")
        && path.bytes().all(plain)
}
