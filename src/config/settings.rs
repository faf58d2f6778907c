//! Settings with defaults.

use std::time::Duration;

use url::Url;

use super::enforcement::{Enforcement, ResourceOf};
use crate::access::ListPolicy;
use crate::sso::SsoPolicy;
use crate::sync::{RatePools, SyncScope};
use crate::webhook::Webhooks;

#[cfg(feature = "jwt")]
use super::BearerTokens;

/// The maximum of all intervals: 30 days.
pub(super) const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The values of the settings. [`HerokuSsoBuilder`](crate::HerokuSsoBuilder) has a method for each, which
/// documents it.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) sso_policy: SsoPolicy,
    pub(crate) sso_max_age: Duration,
    pub(crate) sso_max_skew: Duration,
    pub(crate) list_policy: ListPolicy,
    pub(crate) include_attached_apps: bool,
    pub(crate) refresh_interval: Duration,
    /// None: [`time_in_use`](Self::time_in_use) says the default.
    pub(crate) in_use_for: Option<Duration>,
    /// None: [`idle_refresh`](Self::idle_refresh).
    pub(crate) idle_interval: Option<Duration>,
    /// None: [`list_age_limit`](Self::list_age_limit).
    pub(crate) max_list_age: Option<Duration>,
    pub(crate) sync_scope: SyncScope,
    pub(crate) rate_pools: RatePools,
    /// None: [`session_limit`](Self::session_limit).
    pub(crate) max_session: Option<Duration>,
    pub(crate) dormant_for: Duration,
    pub(crate) session_life: SessionLife,
    pub(crate) on_expired: OnExpired,
    pub(crate) streams: Streams,
    pub(crate) html_cache: HtmlCache,
    pub(crate) enforcement: Enforcement,
    /// Finds the resource of a request in the app's own session.
    pub(crate) resource_of: Option<ResourceOf>,
    pub(crate) sso_path: String,
    pub(crate) sign_out_path: String,
    pub(crate) landing_path: String,
    pub(crate) resource_in_path: Option<String>,
    #[cfg(feature = "jwt")]
    pub(crate) bearer_tokens: Option<BearerTokens>,
    pub(crate) api_url: Url,
    pub(crate) id_url: Url,
    pub(crate) heroku_timeout: Duration,
    /// The site's own address, with the prefix that a reverse proxy strips.
    pub(crate) public_url: Option<Url>,
    pub(crate) allowed_origins: Vec<Url>,
    pub(crate) cookies: CookieTransport,
    pub(crate) session_cache: Duration,
    pub(crate) explain_rejections: bool,
    pub(crate) webhooks: Option<Webhooks>,
}

/// The last segment of [`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path).
pub(crate) const PLACEHOLDER: &str = "{resource}";

/// Whether a session follows its list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum SessionLife {
    /// A session is valid while newer lists keep arriving that contain its user.
    #[default]
    FollowsList,
    /// See [`fixed_sessions`](crate::HerokuSsoBuilder::fixed_sessions).
    Fixed,
}

/// What a browser receives when it requests a page after its session has ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum OnExpired {
    /// A redirect to the add-on's Heroku page, which signs the user in again and leads back. At most once a
    /// minute for each page; in between, the page that says that the session has ended. The default.
    #[default]
    Redirect,
    /// A page that says that the session has ended, with a link to the add-on's Heroku page.
    Page,
}

/// What happens to server-sent events, long polls and downloads when their reader's access ends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Streams {
    /// The body ends at that moment. The default.
    #[default]
    EndWithAccess,
    /// The body continues to its own end; handlers can check access with
    /// [`HerokuUser::ended`](crate::HerokuUser::ended).
    LeaveOpen,
}

/// What the gate says about caching of a page (`text/html`) whose handler sets no `Cache-Control`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum HtmlCache {
    /// `no-store`: the browser keeps no copy, so Back after a sign-out does not show the page. The default.
    #[default]
    NoStore,
    /// `private`: the browser may keep a copy. Back and Forward are faster, and show the page after a
    /// sign-out too.
    Private,
}

/// How cookies are sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum CookieTransport {
    /// `Secure`, with the `__Host-` prefix.
    #[default]
    Https,
    /// See [`insecure_cookies`](crate::HerokuSsoBuilder::insecure_cookies).
    InsecureHttp,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sso_policy: SsoPolicy::default(),
            sso_max_age: Duration::from_secs(5 * 60),
            sso_max_skew: Duration::from_secs(60),
            list_policy: ListPolicy::default(),
            include_attached_apps: false,
            refresh_interval: Duration::from_secs(5 * 60),
            in_use_for: None,
            idle_interval: None,
            max_list_age: None,
            sync_scope: SyncScope::default(),
            rate_pools: RatePools::default(),
            max_session: None,
            dormant_for: Duration::from_secs(7 * 24 * 60 * 60),
            session_life: SessionLife::default(),
            on_expired: OnExpired::default(),
            streams: Streams::default(),
            html_cache: HtmlCache::default(),
            enforcement: Enforcement::default(),
            resource_of: None,
            sso_path: "/heroku/sso".into(),
            sign_out_path: "/logout".into(),
            landing_path: "/".into(),
            resource_in_path: None,
            #[cfg(feature = "jwt")]
            bearer_tokens: None,
            api_url: fixed("https://api.heroku.com"),
            id_url: fixed("https://id.heroku.com"),
            heroku_timeout: Duration::from_secs(10),
            public_url: None,
            allowed_origins: Vec::new(),
            cookies: CookieTransport::default(),
            explain_rejections: false,
            webhooks: None,
            session_cache: Duration::from_secs(5),
        }
    }
}

impl Config {
    pub(crate) fn list_age_limit(&self) -> Duration {
        let limit = self.max_list_age;
        limit.unwrap_or(self.refresh_interval.saturating_mul(2).min(LONGEST))
    }

    /// The path of `public_url`, without a slash at its end.
    pub(crate) fn public_prefix(&self) -> &str {
        let path = self.public_url.as_ref().map_or("", Url::path);
        path.strip_suffix('/').unwrap_or(path)
    }

    /// How long a resource is in use after its last request.
    pub(crate) fn time_in_use(&self) -> Duration {
        self.in_use_for
            .unwrap_or(self.at_least_one_refresh(15 * 60))
    }

    /// How often a list that is not in use is fetched.
    pub(crate) fn idle_refresh(&self) -> Duration {
        let interval = self.idle_interval;
        interval.unwrap_or(self.at_least_one_refresh(6 * 60 * 60))
    }

    /// The maximum length of a session that follows its list.
    pub(super) fn session_limit(&self) -> Duration {
        self.max_session
            .unwrap_or(self.at_least_one_refresh(90 * 60))
    }

    /// The maximum length of a session.
    pub(crate) fn longest_session(&self) -> Duration {
        match self.session_life {
            SessionLife::FollowsList => self.session_limit(),
            SessionLife::Fixed => self.refresh_interval,
        }
    }

    /// Where command-line clients sign in.
    pub(crate) fn cli_sign_in_path(&self) -> Option<&str> {
        #[cfg(feature = "jwt")]
        if let Some(bearers) = &self.bearer_tokens {
            return bearers.cli_sign_in_path.as_deref();
        }
        None
    }

    /// A default that a longer refresh interval raises, as the setting must not be shorter.
    fn at_least_one_refresh(&self, seconds: u64) -> Duration {
        self.refresh_interval.max(Duration::from_secs(seconds))
    }
}

fn fixed(address: &'static str) -> Url {
    Url::parse(address).expect("the address is a valid constant")
}
