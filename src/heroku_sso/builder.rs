//! The builder of [`HerokuSso`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use heroku_sso_store::Store;
use http::Response;
use http::request::Parts;
use url::Url;

use super::HerokuSso;
use super::assemble::{StoreChoice, assemble};
use crate::access::ListPolicy;
use crate::audit::{AuditEvent, AuditFunction};
use crate::clock::{Clock, SharedClock};
#[cfg(feature = "jwt")]
use crate::config::BearerTokens;
use crate::config::{
    Config, CookieTransport, Environment, HtmlCache, Manifest, OnExpired, SessionLife, SetupError,
    Streams,
};
use crate::gate::{OnRejection, Rejection};
#[cfg(feature = "jwt")]
use crate::session::CookieSessions;
use crate::session::SessionStorage;
use crate::sso::SsoPolicy;
use crate::sync::{RatePools, SyncScope};
use crate::webhook::Webhooks;

/// Builds a [`HerokuSso`]. Every setting has a default, and one method, which documents it.
///
/// [`HerokuSso::builder_from_env`] begins with the settings of the environment; a method that is called on
/// it replaces what the environment says. [`options`](crate::guide::options) has the trade-offs of each
/// setting.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct HerokuSsoBuilder {
    pub(super) manifest: Manifest,
    pub(super) config: Config,
    pub(super) clock: Option<SharedClock>,
    pub(super) audit: Option<AuditFunction>,
    pub(super) store: StoreChoice,
    pub(super) sessions: Option<SessionStorage>,
    pub(super) on_rejection: OnRejection,
}

/// # How fresh lists are
impl HerokuSsoBuilder {
    settings! {
        /// How often a list in use is fetched. It is also the age up to which a list decides without a
        /// fetch: a request that finds an older list waits for a fetch. The sync fetches 10 to 30 %
        /// earlier, at random, so that lists rarely get that old. Default: 5 minutes, the longest that
        /// Heroku's article on add-on ownership allows. At least one second, at most 30 days.
        refresh_interval: Duration => |config, interval| config.refresh_interval = interval;

        /// How long a resource counts as in use after its last request; its list is then fetched every
        /// [`refresh_interval`](Self::refresh_interval). A resource is also in use, for at most
        /// [`max_session`](Self::max_session), while one of its responses is still being read, or a WebSocket
        /// waits on [`HerokuUser::ended`](crate::HerokuUser::ended). Default: 15 minutes, or
        /// `refresh_interval` if that is longer. At least `refresh_interval`, at most 30 days.
        in_use_for: Duration => |config, time| config.in_use_for = Some(time);

        /// How often a list that is not in use is fetched. Default: 6 hours, or
        /// [`refresh_interval`](Self::refresh_interval) if that is longer. At least `refresh_interval`, at
        /// most 30 days.
        idle_interval: Duration => |config, interval| config.idle_interval = Some(interval);

        /// The age up to which a list decides while Heroku does not answer. With an older list every request
        /// gets 503 until Heroku answers, and sessions are kept.
        ///
        /// A list also gets that old if it is not fetched, because the resource is not in use or no sync
        /// runs. Then its sessions have ended, and the next request gets 401. Default: twice
        /// [`refresh_interval`](Self::refresh_interval). At least `refresh_interval`, at most 30 days.
        max_list_age: Duration => |config, age| config.max_list_age = Some(age);

        /// Heroku's webhooks, with which a removed collaborator loses access within a second. Default: none,
        /// so that lists are only polled.
        webhooks: Webhooks => |config, webhooks| config.webhooks = Some(webhooks);

        /// How long a dormant resource can be revived before it is deprovisioned. It is also how long Heroku
        /// must have refused a grant before its resource becomes dormant. Default: 7 days. At least an hour,
        /// at most 30 days. See [`end_of_a_resource`](crate::guide::end_of_a_resource).
        dormant_for: Duration => |config, time| config.dormant_for = time;
    }

    switches! {
        /// Keeps only the lists of resources in use synchronized ([`in_use_for`](Self::in_use_for)); the others
        /// are fetched at a sign-in. Default: no; the lists of all registered resources are fetched, those not
        /// in use every [`idle_interval`](Self::idle_interval).
        sync_only_in_use => |config| config.sync_scope = SyncScope::Active;

        /// Treats the token of each resource as having a rate limit of its own at Heroku. Default: no; all
        /// resources share one limit, and the sync slows down by the last `RateLimit-Remaining` of any answer,
        /// because Heroku does not document which tokens of a partner share a limit.
        rate_limit_per_token => |config| config.rate_pools = RatePools::PerToken;
    }
}

/// # Who is admitted
impl HerokuSsoBuilder {
    settings! {
        /// Which SSO tokens are accepted. Default: [`SsoPolicy::UserScoped`].
        sso_policy: SsoPolicy => |config, policy| config.sso_policy = policy;

        /// The maximum age of an SSO request. Default: 5 minutes, as in Heroku's article on SSO. At most one
        /// hour.
        sso_max_age: Duration => |config, age| config.sso_max_age = age;

        /// How far an SSO request may be ahead of our clock. Default: 60 seconds. At most one hour.
        sso_max_skew: Duration => |config, skew| config.sso_max_skew = skew;

        /// Which members of Heroku's lists count. Default: [`ListPolicy::Documented`].
        list_policy: ListPolicy => |config, policy| config.list_policy = policy;
    }

    switches! {
        /// Also admits people of the apps that the add-on is attached to, besides those of the app that owns
        /// it. It is for add-ons that can be shared between apps (`requires: ["attachable"]` in the
        /// manifest). Default: no.
        ///
        /// The people of an attached app are its collaborators; Heroku lists the members of a team that have
        /// access to the app among them. They have no roles and no permissions here, so role guards reject
        /// them. A user who is also on the list of the app that owns the add-on, or of its team, keeps the
        /// roles from there.
        ///
        /// A collaborator can attach the add-on to an app of their own and add anyone to that app. So a
        /// person who was removed from the app that owns the add-on may stay, without roles, as long as such
        /// an attachment exists. Set it alike in all processes that share a store.
        ///
        /// They are read after every third refresh of a list in use, or earlier if they would be older
        /// than [`max_list_age`](Self::max_list_age) before the next refresh. With the default of twice
        /// `refresh_interval`, that is every second one. They are also read for
        /// [`Lists::refresh`](crate::Lists::refresh), for a webhook about an attachment, and for an email
        /// that is not on the list. After a reading for such an email, the next one is allowed 10 seconds
        /// later for each call that it took.
        ///
        /// One reading takes a call for the attachments and one for each app, more if a list has several
        /// pages. At most 20 apps are read, those with people at the last reading first, and no further
        /// app after 60 calls; a warning in the log and [`Lists::explain`](crate::Lists::explain) say how
        /// many are left out.
        ///
        /// A reading never delays or fails the list of the app that owns the add-on. If it fails, or takes
        /// longer than 30 seconds, the last answer about attached apps counts until it is older than
        /// `max_list_age`. Then only their people are affected: their requests ask Heroku again, and get 503
        /// if there is no answer. An app for which Heroku answers 403 or 404 twice in a row is skipped, and
        /// its people leave the list until Heroku lists them again; nothing else is removed.
        include_attached_apps => |config| config.include_attached_apps = true;
    }
}

/// # Sessions
impl HerokuSsoBuilder {
    settings! {
        /// The maximum length of a session from the sign-in, whatever its list says. It also limits the
        /// session's cookie, its record in a session store, and a signed token. Default: 90 minutes, or
        /// [`refresh_interval`](Self::refresh_interval) if that is longer. At least `refresh_interval`, at
        /// most 30 days.
        max_session: Duration => |config, length| config.max_session = Some(length);

        /// How long a record of a session store is used before it is read again; at most a minute, zero for
        /// never. A sign-out and a revocation still take effect immediately, in every process on the same
        /// store. A change to the session store that bypasses this crate takes effect within this time.
        /// While the session store is unavailable, a session that was read before keeps working; with zero
        /// it does not. Default: 5 seconds.
        session_cache: Duration => |config, time| config.session_cache = time;
    }

    switches! {
        /// Ends a session one [`refresh_interval`](Self::refresh_interval) after its sign-in, regardless of
        /// later refreshes. Default: no; a session is valid while newer lists keep arriving that contain its
        /// user, up to [`max_session`](Self::max_session), with or without requests.
        fixed_sessions => |config| config.session_life = SessionLife::Fixed;

        /// Shows a browser whose session has ended a page that says so, with a link to the add-on's Heroku page.
        /// Default: no; it is redirected to the add-on's Heroku page, which signs the user in again and leads
        /// back, at most once a minute for each page. In between it is shown that page.
        show_expired_page => |config| config.on_expired = OnExpired::Page;

        /// Lets server-sent events, long polls and downloads continue to their own end when their reader's
        /// access ends; handlers can check access with [`HerokuUser::ended`](crate::HerokuUser::ended).
        /// Default: no; the body ends at that moment.
        leave_streams_open => |config| config.streams = Streams::LeaveOpen;

        /// Lets browsers store pages (`text/html`) whose handler sets no `Cache-Control`: they get `private`,
        /// which makes Back and Forward faster, and shows the page after a sign-out too. Default: no; they get
        /// `no-store`. [`browsers`](crate::guide::browsers#caches) has the table.
        allow_html_cache => |config| config.html_cache = HtmlCache::Private;
    }

    /// Where sessions are stored: any store of the tower-sessions 0.14 line, or signed cookies
    /// (`CookieSessions`, feature `jwt`). Default: in the [`store`](Self::store), or in
    /// [`MemorySessions`](crate::MemorySessions) if that keeps none.
    ///
    /// Sessions elsewhere cannot be listed ([`Sessions::of`](crate::Sessions::of)). A session store has their
    /// ids in clear, and a reader of that store can use them. The gate uses the name `heroku_sso` in each
    /// record; all other names are yours. A record is written at a sign-in and deleted at a sign-out, and is
    /// not touched in between.
    pub fn session_store(mut self, sessions: impl Into<SessionStorage>) -> Self {
        self.sessions = Some(sessions.into());
        self
    }

    /// Also accepts bearer tokens, which [`Sessions::bearer`](crate::Sessions::bearer) and
    /// [`BearerTokens::cli_sign_in_path`] issue: `Authorization: Bearer …` instead of a cookie. If a request
    /// has such a header, only the token counts. The header is removed when the request is admitted.
    ///
    /// Takes [`BearerTokens`], or their keys alone. ES256 or Ed25519 keys only. Default: none.
    #[cfg(feature = "jwt")]
    pub fn bearer_tokens(mut self, tokens: impl Into<BearerTokens>) -> Self {
        self.config.bearer_tokens = Some(tokens.into());
        self
    }
}

/// # Paths
impl HerokuSsoBuilder {
    settings! {
        /// The path to which Heroku posts the SSO form, as in the manifest's `sso_url`. Default:
        /// `/heroku/sso`.
        sso_path: &str => |config, path| config.sso_path = path.to_owned();

        /// The path to which a form posts to sign out. Default: `/logout`.
        sign_out_path: &str => |config, path| config.sign_out_path = path.to_owned();

        /// The path to which a browser is redirected after signing in. Default: `/`.
        landing_path: &str => |config, path| config.landing_path = path.to_owned();

        /// The address of your site as browsers see it, such as `https://queues.example.com`, if it differs
        /// from what the process sees. It must be https, or http with
        /// [`insecure_cookies`](Self::insecure_cookies).
        ///
        /// Its path is a prefix that a reverse proxy, such as nginx, strips before it passes a request on.
        /// Every path that the gate gives to a browser then begins with it. The other settings of paths
        /// are without it, and the manifest's `sso_url` is with it. Cookies keep `Path=/`, which their
        /// prefix `__Host-` requires, so two add-ons need two hosts.
        ///
        /// Its origin is that of your own pages: a sign-out and a WebSocket from any other are rejected.
        /// Default: none, so that `Host` gives the origin. It must then be https, except on loopback or with
        /// [`insecure_cookies`](Self::insecure_cookies). Forwarded headers decide nothing.
        public_url: Url => |config, url| config.public_url = Some(url);

        /// The origins of other sites whose pages may open WebSockets here, such as
        /// `https://app.example.com`. Default: none. See
        /// [`RejectionKind::ForeignOrigin`](crate::RejectionKind::ForeignOrigin).
        allowed_origins: Vec<Url> => |config, origins| config.allowed_origins = origins;

        /// The path of the resources' dashboards, if a browser may have several open at the same time:
        /// `/addons/{resource}` for `/addons/01234567-…` and all paths below it. The last segment must be
        /// `{resource}`.
        ///
        /// Each resource then has its own session and its own cookie. A request can use only the session of
        /// the resource in its path, so two tabs never mix customers. Other paths have no session. The
        /// landing path and a sign-out path are below each resource; the plain sign-out path ends all
        /// sessions. Default: none, so that a browser has one session, for the resource that it last signed
        /// in to.
        resource_in_path: &str => |config, path| config.resource_in_path = Some(path.to_owned());
    }
}

/// # Responses
impl HerokuSsoBuilder {
    /// Your own response in place of the gate's to a rejection: a page in your design, or a redirect to your
    /// own login. Applies to every gate and every role guard of this [`HerokuSso`]. If the function returns
    /// `None`, as by default, the gate answers itself.
    ///
    /// ```
    /// # use tower_heroku_sso::{HerokuSsoBuilder, RejectionKind};
    /// # fn set_up(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
    /// builder.on_rejection(|rejection, _request| {
    ///     let is_mine = rejection.is_page() && rejection.kind() == RejectionKind::NotListed;
    ///     is_mine.then(|| http::Response::new("<h1>Ask an owner of the app to add you</h1>"))
    /// })
    /// # }
    /// ```
    ///
    /// A status of 200 is replaced by the rejection's. The gate adds its cookies, and its own headers such
    /// as `cache-control`, `retry-after` and `www-authenticate`. Its `content-type` and its
    /// `content-security-policy` count only if your response has none; the policy permits inline styles
    /// and no scripts. The [`Rejection`] is in the extensions of the response, for outer layers. The email
    /// addresses in [`Rejection::who_can_grant`] are for the page of this user only.
    ///
    /// If the function panics, the gate answers itself, and the first panic is logged as an error.
    ///
    /// The redirect of a browser whose session has ended is no rejection: see
    /// [`show_expired_page`](Self::show_expired_page).
    pub fn on_rejection<B: Into<Bytes>>(
        mut self,
        respond: impl Fn(&Rejection, &Parts) -> Option<Response<B>> + Send + Sync + 'static,
    ) -> Self {
        self.on_rejection = OnRejection::new(respond);
        self
    }
}

/// # Stores and connections
impl HerokuSsoBuilder {
    /// Where resources, tokens, lists, sessions and used SSO requests are stored. Default:
    /// [`MemoryStore`](crate::store::MemoryStore), or the database of `DATABASE_URL` under
    /// [`HerokuSso::builder_from_env`].
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = StoreChoice::Given(Arc::new(store));
        self
    }

    settings! {
        /// The address of the Platform API: https, or http to this machine, without credentials, query and
        /// fragment. Default: `https://api.heroku.com`.
        api_url: Url => |config, url| config.api_url = url;

        /// The address of the OAuth host, as [`api_url`](Self::api_url). Default: `https://id.heroku.com`.
        id_url: Url => |config, url| config.id_url = url;

        /// The maximum time of one call to Heroku, from connecting to the last byte. Default: 10 seconds.
        /// Between 10 milliseconds and one minute. Within it, connecting may take at most 3 seconds and each
        /// read at most 5.
        heroku_timeout: Duration => |config, timeout| config.heroku_timeout = timeout;
    }
}

/// # Development and tests
impl HerokuSsoBuilder {
    switches! {
        /// Sends cookies without `Secure` and without the `__Host-` prefix, so that clients keep them over
        /// plain http. For development on your own machine only: an attacker on the network can read the
        /// session. An error beside a [`public_url`](Self::public_url) that is https. Default: no.
        insecure_cookies => |config| config.cookies = CookieTransport::InsecureHttp;

        /// Makes rejections say which check failed and what to look at, on the page and as `reason` in the
        /// problem document, and cookies [insecure](Self::insecure_cookies). Rejections never show the
        /// expected value, nor any part of the request. For development on your own machine only: an
        /// outsider could learn which users are on a list. Default: no.
        development => |config| {
            config.cookies = CookieTransport::InsecureHttp;
            config.explain_rejections = true;
        };
    }

    /// Gives every audit event to a function, for an audit trail of your own. The events are written to
    /// the log as well: see [`audit`](crate::audit).
    ///
    /// The function is called for one event after another, in a thread of its own, so it may block and no
    /// request waits for it. If it panics, an error is logged, and it is called for the next event. Up to
    /// 4,096 events wait for it.
    /// [An audit trail of your own](crate::guide::observing#an-audit-trail-of-your-own) says which events are
    /// dropped if it is too slow.
    ///
    /// ```
    /// # fn set_up(builder: tower_heroku_sso::HerokuSsoBuilder) -> tower_heroku_sso::HerokuSsoBuilder {
    /// builder.on_audit(|event| println!("{}", serde_json::to_string(event).unwrap()))
    /// # }
    /// ```
    pub fn on_audit(mut self, function: impl Fn(&AuditEvent) + Send + Sync + 'static) -> Self {
        self.audit = Some(AuditFunction::new(function));
        self
    }

    /// The clock of all parts. Default: [`SystemClock`](crate::SystemClock).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }
}

impl HerokuSsoBuilder {
    pub(super) fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            config: Config::default(),
            clock: None,
            audit: None,
            store: StoreChoice::Memory,
            sessions: None,
            on_rejection: OnRejection::default(),
        }
    }

    pub(super) fn of(environment: Environment) -> Self {
        let builder = Self {
            config: environment.config,
            store: StoreChoice::of(environment.database, environment.has_encryption_key),
            ..Self::new(environment.manifest)
        };
        #[cfg(feature = "jwt")]
        if let Some(keys) = environment.session_keys {
            return builder.session_store(CookieSessions::new(keys));
        }
        builder
    }

    /// Checks the settings, connects to the database of `DATABASE_URL` if the builder is from the
    /// environment and has no other store, and builds the parts.
    ///
    /// # Errors
    /// [`SetupError`] names the invalid setting or variable, and what to do.
    pub async fn build(self) -> Result<HerokuSso, SetupError> {
        assemble(self).await
    }
}
