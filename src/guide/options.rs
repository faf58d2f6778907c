//! What each setting trades for what, when to change it, and which to leave alone.
//!
//! All settings have defaults, and the defaults go together. [`Config`](crate::Config) says of each field
//! what it is; [`HerokuSsoBuilder`](crate::HerokuSsoBuilder) has a method for each; bounds are checked by
//! [`build`](crate::HerokuSsoBuilder::build), which names the setting and both ends.
//!
//! # How fresh
//! | setting | default | bounds |
//! | --- | --- | --- |
//! | [`refresh_interval`](crate::Config::refresh_interval) | 5 min | 1 s to 30 days |
//! | [`max_list_age`](crate::Config::max_list_age) | twice `refresh_interval` | `refresh_interval` to 30 days |
//! | [`in_use_for`](crate::Config::in_use_for) | 15 min, or `refresh_interval` | `refresh_interval` to 30 days |
//! | [`idle_interval`](crate::Config::idle_interval) | 6 h | `refresh_interval` to 30 days |
//! | [`sync_scope`](crate::Config::sync_scope) | `All` | `All`, `Active` |
//! | [`rate_pools`](crate::Config::rate_pools) | `Shared` | `Shared`, `PerToken` |
//! | [`webhooks`](crate::Config::webhooks) | none | |
//!
//! **`refresh_interval`** is how long somebody whom a customer has thrown out may go on, against how many
//! calls that costs. Shorter: a minute costs five times the calls of the lists in use. Longer: more than
//! Heroku's article on ownership allows; do it with Heroku's word only.
//!
//! **`in_use_for`** is how long a user can be idle, filling in a form say, before the session ends. Longer
//! values cost more calls to Heroku. Longer than `max_session` is of no use.
//!
//! **`max_list_age`** is what a customer notices of an outage at Heroku, against how long somebody who was
//! removed during one may stay or come in again. Make it an hour if your dashboard is what people need when Heroku
//! is down. It does not change what happens while Heroku answers.
//!
//! **`idle_interval`** and **`sync_scope`** are about lists that nobody looks at. They are fetched for
//! your own user table ([`HerokuSso::changes`](crate::HerokuSso::changes)), and so that a deprovisioning
//! that did not reach you is noticed. If you need neither, `SyncScope::Active` saves those calls. A sign-in
//! to a list that is too old fetches it first, so nobody comes in by an old list either way.
//!
//! **`rate_pools`**: leave it, unless Heroku told you that each resource has a limit of its own. If it has
//! not and you say so, calls are refused with 429 when you need them.
//!
//! **`webhooks`** make a removed collaborator wait within a second, for the price of one secret and one
//! subscription per resource. They change nothing for team members, of whom Heroku sends none. Worth it for
//! most.
//!
//! # How many resources
//! Heroku's limit is 4,500 calls, refilled at 75 a minute. A list takes three calls, and once calls are short
//! it is fetched after 90 to 95 % of its interval. The table gives the number of resources that can be **in
//! use** at the same time without any list exceeding its interval:
//!
//! | `refresh_interval` | all share one pool ([`Shared`](crate::RatePools::Shared)) | a pool each ([`PerToken`](crate::RatePools::PerToken)) |
//! | --- | --- | --- |
//! | 1 min | 23 | any number |
//! | 5 min | 115 | any number |
//! | 15 min | 345 | any number |
//! | 1 h | 1,390 | any number |
//!
//! A full pool lasts for 1,500 fetches more. Members of a team are one call for all of its apps, and an answer
//! of 304 counts as a call. Below 3 seconds a pool of its own is too small for a list, too. Past these numbers:
//!
//! 1. Lists that nobody uses wait first, then those in use without a request within the last interval, then the
//!    others. `sync_behind` says so in the log, and `Health::behind`.
//! 2. A request that finds a list older than `refresh_interval` has it fetched out of turn, from what the
//!    schedule leaves for that.
//! 3. If the pool has nothing left, the list that there is decides up to `max_list_age`. Then: 503.
//!
//! Make `idle_interval` longer first, then `in_use_for` shorter, then `refresh_interval` longer.
//!
//! # How long a session lives
//! | setting | default | bounds |
//! | --- | --- | --- |
//! | [`max_session`](crate::Config::max_session) | 90 min | `refresh_interval` to 30 days |
//! | [`fixed_sessions`](crate::HerokuSsoBuilder::fixed_sessions) | off | |
//! | [`on_expired`](crate::Config::on_expired) | `Redirect` | `Redirect`, `Page` |
//! | [`streams`](crate::Config::streams) | `EndWithAccess` | `EndWithAccess`, `LeaveOpen` |
//!
//! A session follows its list, so its length costs no safety about *who* may come in: somebody who was
//! removed is out at the next refresh whatever `max_session` says. It is about somebody else at the same
//! browser. 90 minutes is the length that Heroku's sample add-on has, citing the article on SSO. With
//! `Redirect` its end costs a customer who is signed in at Heroku one redirect. Only pages are led back to:
//! whoever sends a form after the end gets a 401, and has to fill it in again.
//!
//! A session lasts with or without requests: an unattended browser is signed in as long as the resource is in
//! use. Use **`fixed_sessions`** for the shortest sessions: each ends one `refresh_interval` after its sign-in,
//! regardless of later refreshes.
//!
//! **`LeaveOpen`** is for handlers that must finish what they send, and look to
//! [`HerokuUser::ended`](crate::HerokuUser::ended) themselves. WebSockets always must: after the upgrade
//! there is no body that the gate could end.
//!
//! # Which forms count
//! | setting | default | bounds |
//! | --- | --- | --- |
//! | [`sso_policy`](crate::Config::sso_policy) | `UserScoped` | `UserScoped`, `AllowUnsignedEmail`, `Legacy` |
//! | [`sso_max_age`](crate::Config::sso_max_age) | 5 min | up to 1 h |
//! | [`sso_max_skew`](crate::Config::sso_max_skew) | 60 s | up to 1 h |
//! | [`list_policy`](crate::Config::list_policy) | `Documented` | `Documented`, `Strict` |
//!
//! **`AllowUnsignedEmail`** is for an add-on that is not sent `user_scoped_resource_token`: the log says so,
//! with the variable, at the first sign-in. The email is then unverified, and the user has no roles
//! ([`threats`](crate::guide::threats#unsigned-emails)). **`Legacy`** is for add-ons from before 2023 and for
//! Heroku's tester `kensa`: see [`threats`](crate::guide::threats#the-legacy-policy).
//!
//! **`sso_max_age`, `sso_max_skew`**: leave both alone. A form that comes in too late comes from a clock
//! that is wrong (mend it), or from somebody who kept it. Used forms are remembered for both together, so
//! longer windows cost rows as well.
//!
//! **`Strict`** is for team customers with many apps. It goes beyond Heroku's recipe, so that somebody
//! whom Heroku's dashboard lets through may find your door closed.
//!
//! # Where things are
//! | setting | default | |
//! | --- | --- | --- |
//! | [`sso_path`](crate::Config::sso_path), [`sign_out_path`](crate::Config::sign_out_path) | `/heroku/sso`, `/logout` | below a prefix that axum has taken off, without it |
//! | [`landing_path`](crate::Config::landing_path) | `/` | should be behind the gate |
//! | [`resource_in_path`](crate::Config::resource_in_path) | none | `/…/{resource}` |
//! | [`program_sign_in_path`](crate::Config::program_sign_in_path) | none | wants `bearer_tokens` (feature `jwt`) |
//! | [`cookies`](crate::Config::cookies) | `Https` | `InsecureHttp` on your own machine only |
//!
//! The paths differ from each other, from `/heroku/resources`, `/heroku/webhooks` and
//! `/.well-known/jwks.json`. `resource_in_path` changes where all your pages are: decide early. It is for
//! add-ons of which one person has many, as consultants do.
//!
//! # What it stands on
//! | setting | default | bounds |
//! | --- | --- | --- |
//! | [`store`](crate::HerokuSsoBuilder::store) | memory | see [`deploying`](crate::guide::deploying) |
//! | [`session_store`](crate::HerokuSsoBuilder::session_store) | memory | any store of the tower-sessions 0.14 line |
//! | [`stateless`](crate::HerokuSsoBuilder::stateless) | off | instead of a session store (feature `jwt`) |
//! | [`session_cache`](crate::Config::session_cache) | 5 s | up to 1 min |
//! | [`heroku_timeout`](crate::Config::heroku_timeout) | 10 s | 10 ms to 1 min |
//! | [`clock`](crate::HerokuSsoBuilder::clock) | the machine's | for tests |
//! | [`api_url`](crate::Config::api_url), [`id_url`](crate::Config::id_url) | Heroku's | https, or http to loopback |
//!
//! **`session_cache`** spares the session store one read for each request. Zero costs that read and makes
//! an outage of the session store one of your dashboard; sign-outs and revocations count at once either
//! way. **`heroku_timeout`**: leave it. Connecting has 3 seconds of it and each read 5.
//!
//! # In development
//! [`explain_refusals`](crate::Config::explain_refusals) has refusals say which check failed. It needs
//! `InsecureHttp`, so that nobody turns it on where strangers are: it would tell them who is on a list.
//!
//! # The ones to leave alone
//! `sso_max_age`, `sso_max_skew`, `rate_pools`, `heroku_timeout`, `session_cache`, `api_url`, `id_url`,
//! `clock`. If one of them seems to be the answer, read
//! [`troubleshooting`](crate::guide::troubleshooting) first.
