//! The likeliest mistakes: what you see, why, and what to do.
//!
//! # Where to look
//! **On your own machine** set `EXPLAIN_REFUSALS=1` and `INSECURE_COOKIES=1`, or say
//! [`explain_refusals`](crate::HerokuSsoBuilder::explain_refusals). A refused sign-in or session then says which check
//! failed, on the page and as `reason` in the JSON:
//!
//! ```json
//! {
//!   "type": "urn:tower-heroku-sso:invalid-sign-in",
//!   "status": 403,
//!   "reason": "`user_scoped_resource_token` does not match the request. Is HEROKU_SSO_SALT the …"
//! }
//! ```
//!
//! **In production** refusals say little, as a stranger reads them too. The reason is in the log: events of
//! target `tower_heroku_sso::audit` have it as `reason`; everything else is in target `tower_heroku_sso`
//! and its modules. Somebody must write events down: `tracing_subscriber::fmt::init()` in `main` is enough
//! to begin with; with that crate's feature `env-filter`, set `RUST_LOG=info` as well, or it prints errors only. [`observing`](crate::guide::observing) lists them.
//!
//! **What is wrong with the set-up** fails at the start where it can be known there, with a sentence that says
//! what to do: variables that are missing (all of them at once), secrets that are short or placeholders,
//! addresses, paths and times that cannot be, settings that exclude each other. What only a request or an
//! answer of Heroku's shows is in the log when it first shows, and not more than once an hour: a handler, a
//! role guard or a call of Heroku's on the wrong side of the gate, a session over plain http, credentials of
//! another add-on, a clock that is off, a sync that was not started.
//!
//! # Signing in
//! ### 303, and then 401 `no-session` at once
//! The browser has dropped the cookie. It is `Secure`, and you are on plain http. Use https; on your own
//! machine [`CookieTransport::InsecureHttp`](crate::CookieTransport::InsecureHttp) (`INSECURE_COOKIES=1`).
//! Also with https: does something in front of you take `Set-Cookie` away, or is the landing page on another
//! host than the SSO path? A `__Host-` cookie is for its own host alone.
//!
//! ### 403 `invalid-sign-in`, always; reason "… does not match the request"
//! The salt is another one. `HEROKU_SSO_SALT` is `api.sso_salt` of the manifest of *this* add-on, of the
//! version that was pushed last, and not its password. While you change it, set both, with a comma. If the
//! salt is right, something on the way has changed the form: a proxy that decodes and encodes bodies anew.
//!
//! ### 403 `invalid-sign-in`, always; reason "`resource_token` is right, but …"
//! Heroku did not send `user_scoped_resource_token` (or something took it out), and the default policy
//! wants it. `HEROKU_SSO_POLICY=allow-unsigned-email` accepts the older token, `legacy` that of version 1,
//! `kensa`'s: read [`threats`](crate::guide::threats#unsigned-emails) first. The log says it once an hour.
//!
//! ### 403 `stale-sign-in`
//! Your clock is more than five minutes fast, or more than one minute slow. The event `clock_drift` and
//! the gauge `heroku_sso_clock_drift_seconds` say by how much: let the machine keep its time by NTP. A
//! longer [`sso_max_age`](crate::Config::sso_max_age) hides it, and the ends of sessions are wrong all the
//! same. If it is one person only: they went back to an old page of Heroku's.
//!
//! ### 404, or a 200 of your own fallback, in answer to the form
//! The SSO path never reached the gate. In axum `route_layer` and `nest` take away the fallback by which it
//! does, and so does a `merge` into a router that has another one. Merge
//! [`HerokuSso::endpoints`](crate::HerokuSso::endpoints), or
//! [`partner_api`](crate::HerokuSso::partner_api), which has the same routes.
//!
//! ### At the start: "Overlapping method route", or "Cannot merge two `MethodRouter`s that both have a fallback"
//! Both [`endpoints`](crate::HerokuSso::endpoints) and [`partner_api`](crate::HerokuSso::partner_api) are
//! merged, or one of them twice: they have the same routes. One is enough.
//!
//! ### `register` fails: "heroku gave no usable answer: heroku refused the grant"
//! With 401 the client secret is another add-on's, or an old one: `HEROKU_CLIENT_SECRET` is in the Partner
//! Portal. With 400 the code was used before or is too old; Heroku sends a new one when the resource is
//! provisioned anew.
//!
//! ### Heroku's provisioning calls get 401
//! `HEROKU_ADDON_SLUG` is `id` of the manifest, `HEROKU_ADDON_PASSWORD` its `api.password`. The log says so
//! at such a call, once an hour.
//!
//! ### 403 `not-listed`; reason "the resource is not registered"
//! Nobody has told this process of the resource. If everybody is out since a restart: the store was in
//! memory, which is the default. What was in it is lost; provision anew, and before customers come put a
//! [store](crate::guide::deploying) there. If it is one resource: its provisioning went to another process
//! with a store of its own, or you answer provisioning yourself and did not call
//! [`register`](crate::HerokuSso::register).
//!
//! ### 403 `not-listed`; reason "the email is not on the list"
//! Look at the list: [`HerokuSso::access_list`](crate::HerokuSso::access_list). The person may have come
//! through another app that the add-on is attached to: its people are not on the list of the app that it
//! belongs to. Or [`ListPolicy::Strict`](crate::ListPolicy::Strict) is on, and their only role in the team
//! is `collaborator`.
//!
//! ### 503 `cannot-check` at each sign-in
//! | the log says | it is | do |
//! | --- | --- | --- |
//! | "the resource has no oauth grant" | it was registered without one | [`register`](crate::HerokuSso::register) it with one |
//! | `needs_grant`, one resource | Heroku refused its refresh token, perhaps as another process has renewed it | a new grant from Heroku |
//! | `needs_grant`, many at once | `HEROKU_CLIENT_SECRET` is wrong, or was changed at Heroku | set it anew; tokens are tried again by themselves |
//! | "heroku's rate limit is reached" | too many calls | a longer `idle_interval`; `sync_behind` says whether that is enough |
//! | "no answer from heroku" | no way out to `api.heroku.com` and `id.heroku.com` | look at egress rules and proxies |
//! | "heroku does not tell the members of the team" | 403 at Heroku for the team | collaborators come in; ask Heroku's partner support for that call |
//!
//! With a wrong client secret provisioning fails too, with 503, as no code can be traded.
//!
//! # Being in
//! ### Who pauses for ten minutes is out; "no sync runs" in the log
//! [`spawn_sync`](crate::HerokuSso::spawn_sync) was not called, or its handle was dropped: `let _ =` drops
//! at once, `let _sync =` does not. It must run in each process.
//!
//! ### 500, and "a handler takes HerokuUser …" in the log
//! The route was added after `.layer(...)`, so the gate is not around it. Move the layer below the route.
//! Without [`HerokuUser`](crate::HerokuUser) among its arguments that handler would have been open.
//!
//! ### 401 `no-session` on a route with a role, though signed in; "a role guard is not inside of the gate"
//! The guard is outside of the gate, or beside it. Put [`require`](crate::HerokuSso::require) on the inner
//! routes, by `route_layer`, and `.layer(sso.layer())` after it: layers that are added later are further
//! out. With [`RequireRole`](crate::extract::RequireRole) in a handler's arguments, the same mistake is a 500.
//!
//! ### 403 `unsigned-email` on a route with a role
//! The sign-in rests on Heroku's older token, which does not cover the email. See
//! [`threats`](crate::guide::threats#unsigned-emails) before you say
//! [`trust_unsigned_email`](crate::gate::RequireLayer::trust_unsigned_email).
//!
//! ### No roles, though the person is an admin at Heroku
//! `/whoami` says `"proof": "unsigned_email"`: as above. Where [`sso_policy`](crate::Config::sso_policy)
//! allows unsigned emails, their users have no roles, permissions and account.
//!
//! ### 403 `cross-site` at the sign-out button
//! A proxy changes `Host`, and the browser sends no `Sec-Fetch-Site`: so `Origin` and `Host` are compared,
//! and differ. Have the proxy pass `Host` on. Nothing else depends on it; `X-Forwarded-Host` is not read,
//! as anybody can write one. Or the form really is on another host, such as your main site: then have it
//! lead to the dashboard's own page.
//!
//! ### Two tabs, and one of them is suddenly another customer's
//! A browser has one session, for the resource it last signed in to. See
//! [`Config::resource_in_path`](crate::Config::resource_in_path).
//!
//! # Heroku's calls
//! ### Heroku gets 401 when it provisions; "a call to the Partner API was refused by the gate"
//! [`partner_api`](crate::HerokuSso::partner_api) is inside of the gate. Merge it after
//! `.layer(sso.layer())`. A 401 without that line: `HEROKU_ADDON_SLUG` or `HEROKU_ADDON_PASSWORD` is not that
//! of the manifest.
//!
//! ### "a webhook that heroku did not sign was refused"
//! `HEROKU_WEBHOOK_SECRET` is not the one that the subscription was made with, or something on the way
//! changes bodies. With `HEROKU_WEBHOOK_URL` the crate makes the subscriptions, and they follow the secret.
//!
//! # Starting, and the database
//! ### The process ends with "… is not set" or "… holds no usable secret"
//! The message names the variable. Texts such as `changeme` or `<salt>` count as none.
//!
//! ### "sealed with key …, which is not among the keys given"
//! `TOKEN_ENCRYPTION_KEY` is not the one that sealed what is in the database. Give both, the old one first;
//! see [`SealingKeys`](crate::store::SealingKeys).
//!
//! ### "LISTEN failed; falling back to polling", or sign-outs that count elsewhere only after 15 seconds
//! The connection for `LISTEN` cannot be had. Until it can, the tables are looked at every second.
//!
//! ### "the database is behind a pooler that does not keep a connection's settings"
//! Say `PostgresOptions::transaction_pooler`, or give the store the address of the database itself.
//!
//! ### "`sslmode=prefer` lets the connection … go without TLS"
//! Say `sslmode=require` or `verify-full`. On a network that you trust,
//! `PostgresOptions::allow_unencrypted_connections`.
//!
//! ### A store call waits for 30 seconds when the database is away
//! That is the session store's pool, which is yours: give it an `acquire_timeout` of 3 seconds.
