//! Everything that has a default.

use std::time::Duration;

use crate::access::ListPolicy;
use crate::heroku::HerokuUrl;
use crate::sso::SsoPolicy;
use crate::sync::{RatePools, SyncScope};
use crate::webhook::Webhooks;

/// No interval is longer than this: 30 days.
pub(super) const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Settings with defaults. [`HerokuSsoBuilder`](crate::HerokuSsoBuilder) has a method for each.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Which SSO tokens count. Default: [`SsoPolicy::UserScoped`].
    pub sso_policy: SsoPolicy,
    /// How old an SSO request may be. Default: 5 minutes, as Heroku's article on SSO has it. At most
    /// one hour.
    pub sso_max_age: Duration,
    /// How far ahead of our clock an SSO request may be. Default: 60 seconds. At most one hour.
    pub sso_max_skew: Duration,
    /// Which people of Heroku's lists count. Default: [`ListPolicy::Documented`].
    pub list_policy: ListPolicy,
    /// How often a list in use is fetched, and the age up to which it decides as it is: a request that
    /// finds an older one waits for a fetch. Default: 5 minutes, the longest that Heroku's article on
    /// add-on ownership allows. At least one second, at most 30 days.
    pub refresh_interval: Duration,
    /// For how long after its last request a resource is in use, and its list fetched every
    /// `refresh_interval`. It is also in use, for at most `max_session`, while a response of its is still
    /// being read, or a WebSocket waits on [`HerokuUser::ended`](crate::HerokuUser::ended). Default: 15
    /// minutes, or `refresh_interval` if that is longer. At least `refresh_interval`, at most 30 days.
    pub in_use_for: Option<Duration>,
    /// How often a list that is not in use is fetched. Default: 6 hours. At least `refresh_interval`, at
    /// most 30 days.
    pub idle_interval: Duration,
    /// The age at which a list stops deciding, when Heroku does not answer: then nobody passes, and
    /// sessions are kept. If nothing used the resource until its list was that old, its sessions are over.
    /// Default: twice `refresh_interval`. At least `refresh_interval`, at most 30 days.
    pub max_list_age: Option<Duration>,
    /// Which resources are kept synchronized. Default: [`SyncScope::All`].
    pub sync_scope: SyncScope,
    /// Whose calls draw on one rate limit of Heroku's. Default: [`RatePools::Shared`].
    pub rate_pools: RatePools,
    /// The end of a session whatever its list says, from the sign-in; also of its cookie, of its record in
    /// a session store, and of a signed token. Default: 90 minutes. At least
    /// `refresh_interval`, at most 30 days.
    pub max_session: Duration,
    /// How long a dormant resource can be revived, before it is deprovisioned; and how long Heroku must
    /// have refused a grant until its resource is dormant. Default: 7 days. At least an hour, at most 30
    /// days. See [`end_of_a_resource`](crate::guide::end_of_a_resource).
    pub dormant_for: Duration,
    /// Whether a session may outlive one `refresh_interval`. Default: [`SessionLife::FollowsList`].
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
    /// Where the dashboards of the resources are, if a browser may have several open at once:
    /// `/addons/{resource}` for `/addons/01234567-…` and everything below it. The last segment must be
    /// `{resource}`.
    ///
    /// Each resource then has a session and a cookie of its own, and a request may only use that of the
    /// resource in its path: two tabs never mix customers. Other paths have no session. The landing
    /// path and a sign-out path are below each resource; the plain sign-out path ends all sessions.
    /// Default: none, so that a browser has one session, for the resource that it last signed in to.
    pub resource_in_path: Option<String>,
    /// Where command-line clients sign in with Heroku's SSO answer in the header `x-addon-sso`, and get
    /// a bearer token (feature `jwt`). Wants
    /// [`bearer_tokens`](crate::HerokuSsoBuilder::bearer_tokens). Default: none.
    pub program_sign_in_path: Option<String>,
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
    /// How long a record of a session store is believed without being read again; at most a minute,
    /// zero for never. A sign-out and a revocation are obeyed at once all the same, in every process
    /// on the same store; what ends a session behind the crate's back, within this time. While the
    /// session store does not answer, a session that was read before goes on; zero does without that
    /// too. Default: 5 seconds.
    pub session_cache: Duration,
    /// Whether refusals say which check failed and what to look at, on the page and as `reason` in the
    /// problem document: never what was expected, nor anything of the request. For development only:
    /// wants [`CookieTransport::InsecureHttp`], as a stranger could learn from it who is on a list.
    /// Default: no.
    pub explain_refusals: bool,
    /// Heroku's webhooks, by which a removed collaborator is out within seconds. Default: none, so
    /// that lists are only polled.
    pub webhooks: Option<Webhooks>,
}

/// The last segment of [`Config::resource_in_path`].
pub(crate) const PLACEHOLDER: &str = "{resource}";

/// Whether a session follows its list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum SessionLife {
    /// A session lasts as long as its list: whether or not a request comes, as long as newer lists come that
    /// still have its user, up to `max_session`. The default.
    #[default]
    FollowsList,
    /// One `refresh_interval` from the sign-in, regardless of later refreshes.
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
            program_sign_in_path: None,
            api_url: HerokuUrl::platform_api(),
            id_url: HerokuUrl::id_host(),
            heroku_timeout: Duration::from_secs(10),
            cookies: CookieTransport::default(),
            explain_refusals: false,
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

    /// How long after its last request a resource is in use.
    pub(crate) fn time_in_use(&self) -> Duration {
        let at_least = Duration::from_secs(15 * 60);
        let in_use_for = self.in_use_for;
        in_use_for.unwrap_or(self.refresh_interval.max(at_least))
    }

    /// How long a session lasts at most.
    pub(crate) fn longest_session(&self) -> Duration {
        match self.session_life {
            SessionLife::FollowsList => self.max_session,
            SessionLife::Fixed => self.refresh_interval,
        }
    }
}
