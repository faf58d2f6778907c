//! The trade-offs of each setting, when to change it, and which settings to leave alone.
//!
//! All settings have defaults, and the defaults are consistent with each other.
//! [`HerokuSsoBuilder`](crate::HerokuSsoBuilder) has a method for each, which documents it.
//! [`build`](crate::HerokuSsoBuilder::build) checks the bounds; its error names the setting and both
//! bounds.
//!
//! # From the environment
//! [`HerokuSso::from_env`](crate::HerokuSso::from_env) reads these variables. An empty one counts as not set,
//! and one that cannot be used is an error. Settings without a variable are methods on
//! [`HerokuSso::builder_from_env`](crate::HerokuSso::builder_from_env). **If a variable and a method set the
//! same, the method wins.**
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `HEROKU_ADDON_SLUG` | the add-on manifest's `id` | required |
//! | `HEROKU_ADDON_PASSWORD` | the add-on manifest's `api.password` | required |
//! | `HEROKU_SSO_SALT` | the add-on manifest's `api.sso_salt`; several, separated by commas, during a rotation | required |
//! | `HEROKU_CLIENT_SECRET` | the OAuth client secret, from the Partner Portal | required |
//! | `DATABASE_URL` | the [`store`]: `postgres://…` (feature `postgres`) or `sqlite:FILE` (feature `sqlite`) | none |
//! | `TOKEN_ENCRYPTION_KEY` | encrypts the tokens in the database: 32 bytes in base64, as `openssl rand -base64 32` prints them; several, separated by commas, during a rotation: the first encrypts, all open | none |
//! | `SESSION_KEY` | signs sessions in cookies, [`CookieSessions`] (feature `jwt`): at least 32 bytes in base64; several, separated by commas, during a rotation: the first signs, all verify | none |
//! | `HEROKU_WEBHOOK_SECRET` | signs Heroku's webhooks: a secret of your choice, such as 32 random bytes; several, separated by commas, during a rotation: the first signs new subscriptions | none |
//! | `HEROKU_WEBHOOK_URL` | the public address of `POST /heroku/webhooks`: subscribes each add-on to [`webhooks`] | none |
//! | `REFRESH_INTERVAL_SECS` | [`refresh_interval`], in seconds | `300` |
//! | `IN_USE_FOR_SECS` | [`in_use_for`], in seconds | `900`, or the refresh interval |
//! | `MAX_SESSION_SECS` | [`max_session`], in seconds | `5400`, or the refresh interval |
//! | `HEROKU_SSO_POLICY` | [`sso_policy`]: `user-scoped`, `allow-unsigned-email` or `legacy` | `user-scoped` |
//! | `HEROKU_SSO_ENFORCEMENT` | [`enforcement`]: `enforce`, `observe`, or a share of the resources such as `25%` | `enforce` |
//! | `INCLUDE_ATTACHED_APPS` | `1`: [`include_attached_apps`] | `0` |
//! | `HEROKU_API_URL` | [`api_url`] | `https://api.heroku.com` |
//! | `HEROKU_ID_URL` | [`id_url`] | `https://id.heroku.com` |
//! | `PUBLIC_URL` | [`public_url`], with the path prefix that a reverse proxy strips | none |
//! | `INSECURE_COOKIES` | `1`: [`insecure_cookies`], for development | `0` |
//! | `EXPLAIN_REJECTIONS` | `1`, with `INSECURE_COOKIES=1`: [`development`] | `0` |
//!
//! Two that contradict each other are an error, too: `INSECURE_COOKIES=1` beside a `PUBLIC_URL` that is https,
//! and `TOKEN_ENCRYPTION_KEY` without `DATABASE_URL`, unless the builder is given a `store`.
//!
//! [`CookieSessions`]: crate::CookieSessions
//! [`api_url`]: crate::HerokuSsoBuilder::api_url
//! [`development`]: crate::HerokuSsoBuilder::development
//! [`enforcement`]: crate::HerokuSsoBuilder::enforcement
//! [`id_url`]: crate::HerokuSsoBuilder::id_url
//! [`in_use_for`]: crate::HerokuSsoBuilder::in_use_for
//! [`include_attached_apps`]: crate::HerokuSsoBuilder::include_attached_apps
//! [`public_url`]: crate::HerokuSsoBuilder::public_url
//! [`insecure_cookies`]: crate::HerokuSsoBuilder::insecure_cookies
//! [`max_session`]: crate::HerokuSsoBuilder::max_session
//! [`refresh_interval`]: crate::HerokuSsoBuilder::refresh_interval
//! [`sso_policy`]: crate::HerokuSsoBuilder::sso_policy
//! [`store`]: crate::HerokuSsoBuilder::store
//! [`webhooks`]: crate::HerokuSsoBuilder::webhooks
//!
//! # How fresh
//! | setting | default | bounds |
//! | --- | --- | --- |
//! | [`refresh_interval`](crate::HerokuSsoBuilder::refresh_interval) | 5 min | 1 s to 30 days |
//! | [`max_list_age`](crate::HerokuSsoBuilder::max_list_age) | twice `refresh_interval` | `refresh_interval` to 30 days |
//! | [`in_use_for`](crate::HerokuSsoBuilder::in_use_for) | 15 min, or `refresh_interval` | `refresh_interval` to 30 days |
//! | [`idle_interval`](crate::HerokuSsoBuilder::idle_interval) | 6 h, or `refresh_interval` | `refresh_interval` to 30 days |
//! | [`sync_scope`](crate::HerokuSsoBuilder::sync_scope) | `All` | `All`, `Active` |
//! | [`rate_pools`](crate::HerokuSsoBuilder::rate_pools) | `Shared` | `Shared`, `PerToken` |
//! | [`webhooks`](crate::HerokuSsoBuilder::webhooks) | none | |
//!
//! **`refresh_interval`** trades the time for which a removed user keeps access against the number of calls
//! to Heroku. Shorter: one minute costs five times the calls for the lists in use. Longer: more than Heroku's
//! article on ownership allows; do it only with Heroku's consent.
//!
//! **`in_use_for`** is how long a user can be idle, for example while filling in a form, before the session
//! ends. Longer values cost more calls to Heroku. Values above `max_session` have no effect.
//!
//! **`max_list_age`** trades availability during an outage at Heroku against the time for which a user who
//! was removed during it keeps access or can sign in again. Make it an hour if users need your dashboard when
//! Heroku is down. It changes nothing while Heroku answers.
//!
//! **`idle_interval`** and **`sync_scope`** are about lists that are not in use. They are fetched for your
//! own user table ([`Lists::changes`](crate::Lists::changes)), and to detect a deprovisioning that
//! did not reach you. If you need neither, `SyncScope::Active` saves those calls. A sign-in fetches a list
//! that is too old first, so an outdated list admits no user either way.
//!
//! **`rate_pools`**: leave it, unless Heroku told you that each resource has its own limit. If you set
//! `PerToken` and the pool is shared, Heroku rejects calls with 429 when you need them.
//!
//! **`webhooks`** make a removal of a collaborator take effect within a second: their requests wait until
//! the list is fetched again. The cost is one secret and one subscription per resource. They change nothing
//! for team members, for whom Heroku sends none. They are worth it for most add-ons.
//!
//! # How many resources
//! Heroku's limit is 4,500 calls, refilled at 75 a minute. A list takes three calls (more with
//! `include_attached_apps`). When calls are scarce,
//! it is fetched after 90 to 95 % of its interval. The table gives the number of resources that can be **in
//! use** at the same time without any list exceeding its interval:
//!
//! | `refresh_interval` | one shared pool ([`Shared`](crate::RatePools::Shared)) | one pool per resource ([`PerToken`](crate::RatePools::PerToken)) |
//! | --- | --- | --- |
//! | 1 min | 23 | any number |
//! | 5 min | 115 | any number |
//! | 15 min | 345 | any number |
//! | 1 h | 1,390 | any number |
//!
//! A full pool allows 1,500 more fetches. The members of a team cost one call for all of its apps, and a
//! 304 counts as a call. With an interval below 3 seconds, even a pool per resource is too small. Beyond
//! these numbers:
//!
//! 1. Lists that are not in use are delayed first, then those in use without a request within the last
//!    interval, then the others. `sync_lagging` in the log and `Health::lagging` report it.
//! 2. A request that finds a list older than `refresh_interval` fetches it out of turn, from the calls that
//!    the schedule reserves for that.
//! 3. If the pool is empty, the current list decides up to `max_list_age`. After that: 503.
//!
//! Make `idle_interval` longer first, then `in_use_for` shorter, then `refresh_interval` longer.
//!
//! # How much memory
//! A process keeps the list of each resource that it knows. One with ten people takes up to 1,200 bytes, and
//! those of its `web_url`:
//!
//! | what | bytes |
//! | --- | --: |
//! | ten people: 24 each, and their emails | 550 |
//! | the rest of the list: names, ids, when it was fetched | 360 |
//! | the resource's state, with its place in the schedule | 155 |
//! | indexes by resource, app and team | 135 |
//!
//! The members of a team are stored once for all of its resources. Sessions, open responses, pending
//! removals and failed fetches take memory while they last.
//!
//! # Introducing the gate
//! | setting | default | |
//! | --- | --- | --- |
//! | [`enforcement`](crate::HerokuSsoBuilder::enforcement) | `Enforce` | `Observe`, `For`; for an app with a login of its own, see [`coming_from`](crate::guide::coming_from) |
//! | [`resource_of`](crate::HerokuSsoBuilder::resource_of) | none | required by `For`, and wherever the app keeps sessions of its own |
//!
//! # How long a session lives
//! | setting | default | bounds |
//! | --- | --- | --- |
//! | [`max_session`](crate::HerokuSsoBuilder::max_session) | 90 min, or `refresh_interval` | `refresh_interval` to 30 days |
//! | [`fixed_sessions`](crate::HerokuSsoBuilder::fixed_sessions) | off | |
//! | [`on_expired`](crate::HerokuSsoBuilder::on_expired) | `Redirect` | `Redirect`, `Page` |
//! | [`streams`](crate::HerokuSsoBuilder::streams) | `EndWithAccess` | `EndWithAccess`, `LeaveOpen` |
//! | [`html_cache`](crate::HerokuSsoBuilder::html_cache) | `NoStore` | `NoStore`, `Private` |
//!
//! A session follows its list, so a long session does not extend the access of a removed user: they lose it
//! at the next refresh, regardless of `max_session`. The limit protects against another person at the same
//! browser. 90 minutes is the length in Heroku's sample add-on, which cites the article on SSO. With
//! `Redirect`, the end of a session costs a customer who is signed in at Heroku one redirect. The redirect
//! returns to pages only: a form that is sent after the end gets a 401, and the user has to fill it in
//! again.
//!
//! A session lasts with or without requests: an unattended browser stays signed in as long as the resource
//! is in use. Use **`fixed_sessions`** for the shortest sessions: each ends one `refresh_interval` after
//! its sign-in, regardless of later refreshes.
//!
//! **`LeaveOpen`** is for handlers that must finish their responses, and watch
//! [`HerokuUser::ended`](crate::HerokuUser::ended) themselves. WebSocket handlers always must: after the
//! upgrade there is no body that the gate could end.
//!
//! **`HtmlCache::Private`** lets browsers keep pages, which makes Back and Forward faster. After a sign-out, Back
//! then shows the user's last pages. A handler can also set `Cache-Control` for its own page: see
//! [`browsers`](crate::guide::browsers#caches).
//!
//! # Which forms are accepted
//! | setting | default | bounds |
//! | --- | --- | --- |
//! | [`sso_policy`](crate::HerokuSsoBuilder::sso_policy) | `UserScoped` | `UserScoped`, `AllowUnsignedEmail`, `Legacy` |
//! | [`sso_max_age`](crate::HerokuSsoBuilder::sso_max_age) | 5 min | up to 1 h |
//! | [`sso_max_skew`](crate::HerokuSsoBuilder::sso_max_skew) | 60 s | up to 1 h |
//! | [`list_policy`](crate::HerokuSsoBuilder::list_policy) | `Documented` | `Documented`, `Strict` |
//! | [`include_attached_apps`](crate::HerokuSsoBuilder::include_attached_apps) | off | |
//!
//! **`AllowUnsignedEmail`** is for an add-on that is not sent `user_scoped_resource_token`: the log says so,
//! with the variable, at the first sign-in. The email is then unverified, and the user has no roles
//! ([`threats`](crate::guide::threats#unsigned-emails)). **`Legacy`** is for add-ons from before 2023 and for
//! Heroku's tester `kensa`: see [`threats`](crate::guide::threats#the-legacy-policy).
//!
//! **`sso_max_age`, `sso_max_skew`**: leave both alone. A form that is too old comes from a wrong clock
//! (correct it), or was kept and sent later. Used forms are remembered for the sum of both, so longer
//! windows also cost rows.
//!
//! **`Strict`** is for team customers with many apps. It goes beyond Heroku's recipe, so you may reject a
//! user whom Heroku's dashboard lets through.
//!
//! **`include_attached_apps`** is for add-ons that Heroku lets customers share between apps. Without it, a
//! user who opens the add-on from an attached app is rejected, unless the app that owns it lists them too.
//! With it, they are admitted without roles. It costs one call for the attachments and one for each attached
//! app, up to 20, at every third refresh; with the default `max_list_age`, at every second one. Set
//! `max_list_age` to three times `refresh_interval` for every third. A user who is removed from an attached
//! app keeps access that long; Heroku's article on ownership allows five minutes, so choose
//! `refresh_interval` accordingly. A webhook about a collaborator of an attached app has no effect. Check
//! first that Heroku lets your add-on's tokens read `GET /addons/:id/addon-attachments`: if not, users of
//! attached apps and unlisted emails get 503, and everyone else is admitted as before.
//!
//! # Paths and cookies
//! | setting | default | |
//! | --- | --- | --- |
//! | [`sso_path`](crate::HerokuSsoBuilder::sso_path), [`sign_out_path`](crate::HerokuSsoBuilder::sign_out_path) | `/heroku/sso`, `/logout` | without the prefix, if axum strips one |
//! | [`landing_path`](crate::HerokuSsoBuilder::landing_path) | `/` | should be behind the gate |
//! | [`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path) | none | `/…/{resource}` |
//! | [`bearer_tokens`](crate::HerokuSsoBuilder::bearer_tokens) | none | [`cli_sign_in_path`](crate::BearerTokens::cli_sign_in_path) is one of theirs (feature `jwt`) |
//! | [`public_url`](crate::HerokuSsoBuilder::public_url) | none: `Host` says the origin | https; its path is a prefix that a reverse proxy strips |
//! | [`allowed_origins`](crate::HerokuSsoBuilder::allowed_origins) | none | other sites whose pages may open WebSockets |
//! | [`insecure_cookies`](crate::HerokuSsoBuilder::insecure_cookies) | off | on your own machine only |
//!
//! **`public_url`** is needed in two cases: a reverse proxy strips a prefix, or passes on another `Host` than
//! the browser's. With nginx, `location /base/ { proxy_pass http://app:3000/; }` belongs to
//! `https://queues.example.com/base`. Then each redirect, the sign-out path and every link of the gate begins
//! with `/base`, and the manifest's `sso_url` is `https://queues.example.com/base/heroku/sso`.
//!
//! The paths must differ from each other, and from `/heroku/resources`, `/heroku/webhooks` and
//! `/.well-known/jwks.json`. `resource_in_path` changes the paths of all your pages: decide early. It is
//! for add-ons of which one user has many, such as consultants.
//!
//! # Stores and connections
//! | setting | default | bounds |
//! | --- | --- | --- |
//! | [`store`](crate::HerokuSsoBuilder::store) | memory | see [`deploying`](crate::guide::deploying) |
//! | [`session_store`](crate::HerokuSsoBuilder::session_store) | in the `store` | any store for tower-sessions 0.14, or [`CookieSessions`] (feature `jwt`) |
//! | [`session_cache`](crate::HerokuSsoBuilder::session_cache) | 5 s | up to 1 min |
//! | [`heroku_timeout`](crate::HerokuSsoBuilder::heroku_timeout) | 10 s | 10 ms to 1 min |
//! | [`clock`](crate::HerokuSsoBuilder::clock) | the machine's | for tests |
//! | [`api_url`](crate::HerokuSsoBuilder::api_url), [`id_url`](crate::HerokuSsoBuilder::id_url) | Heroku's | https, or http to loopback |
//!
//! **`session_cache`** saves the store one read per request. Zero costs that read, and makes every
//! outage of the store an outage of your dashboard. Sign-outs and revocations take effect
//! immediately either way. **`heroku_timeout`**: leave it. Within it, connecting may take 3 seconds and
//! each read 5.
//!
//! # In development
//! [`development`](crate::HerokuSsoBuilder::development) makes rejections say which check failed. It also makes
//! cookies insecure, so that it cannot be on in production: it would tell outsiders which users are on a
//! list.
//!
//! # Settings to leave alone
//! `sso_max_age`, `sso_max_skew`, `rate_pools`, `heroku_timeout`, `session_cache`, `api_url`, `id_url`,
//! `clock`. If one of them seems to be the answer, read
//! [`troubleshooting`](crate::guide::troubleshooting) first.
