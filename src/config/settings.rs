//! Settings with defaults.

use std::time::Duration;

use crate::access::ListPolicy;
use crate::heroku::HerokuUrl;
use crate::sso::SsoPolicy;
use crate::sync::{RatePools, SyncScope};
use crate::webhook::Webhooks;

/// The maximum of all intervals: 30 days.
pub(super) const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Settings with defaults. [`HerokuSsoBuilder`](crate::HerokuSsoBuilder) has a method for each.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Which SSO tokens are accepted. Default: [`SsoPolicy::UserScoped`].
    pub sso_policy: SsoPolicy,
    /// The maximum age of an SSO request. Default: 5 minutes, as in Heroku's article on SSO. At most
    /// one hour.
    pub sso_max_age: Duration,
    /// How far an SSO request may be ahead of our clock. Default: 60 seconds. At most one hour.
    pub sso_max_skew: Duration,
    /// Which members of Heroku's lists count. Default: [`ListPolicy::Documented`].
    pub list_policy: ListPolicy,
    /// Whether people of the apps that the add-on is attached to may enter, besides those of the app that
    /// owns it. It is for add-ons that can be shared between apps (`requires: ["attachable"]` in the
    /// manifest).
    ///
    /// The people of an attached app are its collaborators; Heroku lists the members of a team that have
    /// access to the app among them. They have no roles and no permissions here, so role guards refuse them.
    /// A user who is also on the list of the app that owns the add-on, or of its team, keeps the roles from
    /// there.
    ///
    /// A collaborator can attach the add-on to an app of their own and add anyone to that app. So a person
    /// who was removed from the app that owns the add-on may stay, without roles, as long as such an
    /// attachment exists. Set it alike in all processes that share a store.
    ///
    /// They are read at every third refresh of a list in use, or earlier if they would be older than
    /// `max_list_age` before the next refresh. With the default of twice `refresh_interval`, that is every
    /// second one. They are also read whenever everything is fetched again, as for an email that is not on
    /// the list. One reading takes a call for the attachments and one for each app, of which at most 20 are
    /// read. An app for which Heroku answers 403 or 404 is skipped, with a warning in the log;
    /// [`Lists::explain`](crate::Lists::explain) says how many are. Any other error fails the whole fetch.
    /// Default: no.
    pub include_attached_apps: bool,
    /// How often a list in use is fetched. It is also the age up to which a list decides without a fetch: a
    /// request that finds an older list waits for a fetch. Default: 5 minutes, the longest that Heroku's
    /// article on add-on ownership allows. At least one second, at most 30 days.
    pub refresh_interval: Duration,
    /// How long a resource counts as in use after its last request; its list is then fetched every
    /// `refresh_interval`. A resource is also in use, for at most `max_session`, while one of its responses
    /// is still being read, or a WebSocket waits on [`HerokuUser::ended`](crate::HerokuUser::ended).
    /// Default: 15 minutes, or `refresh_interval` if that is longer. At least `refresh_interval`, at most
    /// 30 days.
    pub in_use_for: Option<Duration>,
    /// How often a list that is not in use is fetched. Default: 6 hours. At least `refresh_interval`, at
    /// most 30 days.
    pub idle_interval: Duration,
    /// The age at which a list stops deciding while Heroku does not answer: all requests are then refused,
    /// and sessions are kept. If no request uses the resource before its list reaches that age, its sessions
    /// end. Default: twice `refresh_interval`. At least `refresh_interval`, at most 30 days.
    pub max_list_age: Option<Duration>,
    /// Which resources are kept synchronized. Default: [`SyncScope::All`].
    pub sync_scope: SyncScope,
    /// Which calls share one rate limit of Heroku. Default: [`RatePools::Shared`].
    pub rate_pools: RatePools,
    /// The maximum length of a session from the sign-in, whatever its list says. It also limits the session's
    /// cookie, its record in a session store, and a signed token. Default: 90 minutes. At least
    /// `refresh_interval`, at most 30 days.
    pub max_session: Duration,
    /// How long a dormant resource can be revived before it is deprovisioned. It is also how long Heroku
    /// must have refused a grant before its resource becomes dormant. Default: 7 days. At least an hour, at
    /// most 30 days. See [`end_of_a_resource`](crate::guide::end_of_a_resource).
    pub dormant_for: Duration,
    /// Whether a session may outlive one `refresh_interval`. Default: [`SessionLife::FollowsList`].
    pub session_life: SessionLife,
    /// What a browser receives when its session has ended. Default: [`OnExpired::Redirect`].
    pub on_expired: OnExpired,
    /// What happens to a response body that is still being read when its reader's access ends.
    /// Default: [`Streams::EndWithAccess`].
    pub streams: Streams,
    /// The path to which Heroku posts the SSO form, as in the manifest's `sso_url`. Default: `/heroku/sso`.
    pub sso_path: String,
    /// The path to which a form posts to sign out. Default: `/logout`.
    pub sign_out_path: String,
    /// The path to which a browser is redirected after signing in. Default: `/`.
    pub landing_path: String,
    /// The path of the resources' dashboards, if a browser may have several open at the same time:
    /// `/addons/{resource}` for `/addons/01234567-…` and all paths below it. The last segment must be
    /// `{resource}`.
    ///
    /// Each resource then has its own session and its own cookie. A request can use only the session of the
    /// resource in its path, so two tabs never mix customers. Other paths have no session. The landing
    /// path and a sign-out path are below each resource; the plain sign-out path ends all sessions.
    /// Default: none, so that a browser has one session, for the resource that it last signed in to.
    pub resource_in_path: Option<String>,
    /// The path at which command-line clients sign in, for example `/heroku/sso/token` (feature `jwt`).
    /// They send Heroku's SSO answer in the header `x-addon-sso`, as Heroku's CLI plugins do, and receive a
    /// bearer token. Needs
    /// [`bearer_tokens`](crate::HerokuSsoBuilder::bearer_tokens). Default: none.
    pub cli_sign_in_path: Option<String>,
    /// The address of the Platform API. Default: `https://api.heroku.com`.
    pub api_url: HerokuUrl,
    /// The address of the OAuth host. Default: `https://id.heroku.com`.
    pub id_url: HerokuUrl,
    /// The maximum time of one call to Heroku, from connecting to the last byte. Default: 10 seconds.
    /// Between 10 milliseconds and one minute. Within it, connecting may take at most 3 seconds and each read
    /// at most 5.
    pub heroku_timeout: Duration,
    /// How cookies are sent. Default: [`CookieTransport::Https`].
    pub cookies: CookieTransport,
    /// How long a record of a session store is used before it is read again; at most a minute, zero for
    /// never. A sign-out and a revocation still take effect immediately, in every process on the same
    /// store. A change to the session store that bypasses this crate takes effect within this time. While
    /// the session store is unavailable, a session that was read before keeps working; with zero it does
    /// not. Default: 5 seconds.
    pub session_cache: Duration,
    /// Whether rejections say which check failed and what to look at, on the page and as `reason` in the
    /// problem document. They never show the expected value, nor any part of the request. For development
    /// only: needs [`CookieTransport::InsecureHttp`], as an outsider could learn from it which users are on
    /// a list. Default: no.
    pub explain_rejections: bool,
    /// Heroku's webhooks, with which a removed collaborator loses access within seconds. Default: none, so
    /// that lists are only polled.
    pub webhooks: Option<Webhooks>,
}

/// The last segment of [`Config::resource_in_path`].
pub(crate) const PLACEHOLDER: &str = "{resource}";

/// Whether a session follows its list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum SessionLife {
    /// A session is valid while newer lists keep arriving that contain its user, up to `max_session`. It does
    /// not depend on requests. The default.
    #[default]
    FollowsList,
    /// A session ends one `refresh_interval` after the sign-in, regardless of later refreshes.
    Fixed,
}

/// What a browser receives when it requests a page after its session has ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnExpired {
    /// A redirect to the add-on's Heroku page, which signs the user in again and leads back. At most once a
    /// minute; in between, the page. The default.
    #[default]
    Redirect,
    /// A page that says that the session has ended, with a link to the add-on's Heroku page.
    Page,
}

/// What happens to server-sent events, long polls and downloads when their reader's access ends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Streams {
    /// The body ends at that moment. The default.
    #[default]
    EndWithAccess,
    /// The body continues to its own end; handlers can check access with
    /// [`HerokuUser::ended`](crate::HerokuUser::ended).
    LeaveOpen,
}

/// How cookies are sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum CookieTransport {
    /// `Secure`, with the `__Host-` prefix. The default.
    #[default]
    Https,
    /// Neither, so that clients keep them over plain http. For development on your own machine
    /// only: an attacker on the network can read the session.
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
            idle_interval: Duration::from_secs(6 * 60 * 60),
            max_list_age: None,
            sync_scope: SyncScope::default(),
            rate_pools: RatePools::default(),
            max_session: Duration::from_secs(90 * 60),
            dormant_for: Duration::from_secs(7 * 24 * 60 * 60),
            session_life: SessionLife::default(),
            on_expired: OnExpired::default(),
            streams: Streams::default(),
            sso_path: "/heroku/sso".into(),
            sign_out_path: "/logout".into(),
            landing_path: "/".into(),
            resource_in_path: None,
            cli_sign_in_path: None,
            api_url: HerokuUrl::platform_api(),
            id_url: HerokuUrl::id_host(),
            heroku_timeout: Duration::from_secs(10),
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

    /// How long a resource is in use after its last request.
    pub(crate) fn time_in_use(&self) -> Duration {
        let at_least = Duration::from_secs(15 * 60);
        let in_use_for = self.in_use_for;
        in_use_for.unwrap_or(self.refresh_interval.max(at_least))
    }

    /// The maximum length of a session.
    pub(crate) fn longest_session(&self) -> Duration {
        match self.session_life {
            SessionLife::FollowsList => self.max_session,
            SessionLife::Fixed => self.refresh_interval,
        }
    }
}
