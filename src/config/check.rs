//! Whether settings can be right.

use std::time::Duration;

use super::settings::PLACEHOLDER;
use super::{Config, CookieTransport, SetupError};
use crate::heroku::HerokuUrl;
use crate::webhook::Webhooks;

/// No interval is longer than this: 30 days.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Config {
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
                "session_cache",
                self.session_cache,
                Duration::ZERO,
                Duration::from_secs(60),
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
            if !is_path(path) {
                return Err(SetupError::InvalidPath { setting });
            }
        }
        if self.sso_path == self.sign_out_path || self.landing_path == self.sso_path {
            return Err(SetupError::InvalidPath {
                setting: "sso_path",
            });
        }
        if let Some(path) = &self.program_sign_in_path {
            let taken = [&self.sso_path, &self.sign_out_path, &self.landing_path];
            if !is_path(path) || taken.contains(&path) {
                return Err(SetupError::InvalidPath {
                    setting: "program_sign_in_path",
                });
            }
        }
        if let Some(pattern) = &self.resource_in_path {
            let before = pattern.strip_suffix(PLACEHOLDER).unwrap_or_default();
            let plain = |b: u8| b.is_ascii_graphic() && !b"?#\\\"<>{}%".contains(&b);
            let slashes =
                before.starts_with('/') && before.ends_with('/') && !before.contains("//");
            if !slashes || !before.bytes().all(plain) {
                return Err(SetupError::InvalidPath {
                    setting: "resource_in_path",
                });
            }
        }
        if self.explain_refusals && self.cookies != CookieTransport::InsecureHttp {
            return Err(SetupError::Needs {
                setting: "explain_refusals",
                other: "CookieTransport::InsecureHttp: it is for development only",
            });
        }
        let address = self.webhooks.as_ref().and_then(Webhooks::url);
        // The same rule as for addresses of Heroku's.
        if address.is_some_and(|url| url.as_str().parse::<HerokuUrl>().is_err()) {
            return Err(SetupError::WebhookAddress);
        }
        Ok(())
    }
}

fn is_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !b"?#\\\"<>".contains(&b);
    path.starts_with('/') && !path.starts_with("//") && path.bytes().all(plain)
}
