//! The most likely mistakes: symptom, cause and fix.
//!
//! # Where to look
//! **On your own machine** set `EXPLAIN_REJECTIONS=1` and `INSECURE_COOKIES=1`, or call
//! [`development`](crate::HerokuSsoBuilder::development). A rejected sign-in or session then
//! says which check failed, on the page and as `reason` in the JSON:
//!
//! ```json
//! {
//!   "type": "urn:tower-heroku-sso:invalid-sign-in",
//!   "status": 403,
//!   "reason": "`user_scoped_resource_token` does not match the request. Is HEROKU_SSO_SALT the …"
//! }
//! ```
//!
//! **In production** rejections say little, as attackers can read them too. The reason is in the log:
//! events of target `tower_heroku_sso::audit` have it as `reason`; all other events are in target
//! `tower_heroku_sso` and its modules. The process needs a subscriber for events:
//! `tracing_subscriber::fmt::init()` in `main` is enough to begin with. With that crate's feature
//! `env-filter`, set `RUST_LOG=info` as well, or it prints errors only.
//! [`observing`](crate::guide::observing) lists them.
//!
//! **Set-up mistakes** are errors at the start if they can be detected there, and the error says what to
//! do. These are missing variables (all of them in one message), secrets that are too short or
//! placeholders, invalid URLs, paths and times, and settings that exclude each other. Other mistakes show
//! only at a request or at an answer of Heroku. They are logged when they first occur, and at most once an
//! hour: a handler, a role guard or a call from Heroku on the wrong side of the gate, a session over plain
//! http, credentials of another add-on, a wrong clock, a sync that was not started.
//!
//! # Signing in
//! ### 303, then immediately 401 `no-session`
//! The browser dropped the cookie. The cookie is `Secure`, and you use plain http. Use https; on your own
//! machine [`insecure_cookies`](crate::HerokuSsoBuilder::insecure_cookies) (`INSECURE_COOKIES=1`).
//! If it happens with https: check whether a proxy removes `Set-Cookie`, and whether the landing page is on
//! another host than the SSO path. A `__Host-` cookie is valid for its own host only.
//!
//! ### 403 `invalid-sign-in`, always; reason "… does not match the request"
//! The salt is wrong. `HEROKU_SSO_SALT` is `api.sso_salt` in the manifest of *this* add-on, in the version
//! that was pushed last. It is not the password. While you change it, set both, with a comma. If the salt
//! is correct, a proxy has changed the form, for example by decoding and encoding the body again.
//!
//! ### 403 `invalid-sign-in`, always; reason "`resource_token` is valid, but …"
//! Heroku did not send `user_scoped_resource_token` (or it was removed on the way), and the default policy
//! requires it. `HEROKU_SSO_POLICY=allow-unsigned-email` accepts the older token, `legacy` also that of
//! version 1, which `kensa` sends: read [`threats`](crate::guide::threats#unsigned-emails) first. The log
//! says so once an hour.
//!
//! ### 403 `stale-sign-in`
//! Your clock is more than five minutes fast, or more than one minute slow. The event `clock_drift` and
//! the gauge `heroku_sso_clock_drift_seconds` say by how much: synchronize the machine's clock with NTP. A
//! longer [`sso_max_age`](crate::HerokuSsoBuilder::sso_max_age) only hides the problem, and sessions still end at the
//! wrong time. If only one user is affected, their browser went back to an old page of Heroku's.
//!
//! ### 404, or a 200 from your own fallback, in answer to the form
//! The address in the manifest is not that of the gate. Below a `nest` it has the prefix. With
//! [`layer`](crate::HerokuSso::layer) in place of [`protect`](crate::HerokuSso::protect), `route_layer`,
//! `nest` and `merge` can take away the fallback through which the form reaches the gate: merge
//! [`Routes::sign_in`](crate::Routes::sign_in).
//!
//! ### At the start: "Cannot merge two `Router`s that both have a fallback"
//! What [`protect`](crate::HerokuSso::protect) returns has a fallback, which is behind the gate. Set your own
//! on the router inside, or nest what `protect` returns.
//!
//! ### `register` fails: "heroku did not exchange the grant code: heroku refused the grant"
//! With 401 the client secret belongs to another add-on, or is an old one: `HEROKU_CLIENT_SECRET` is in the
//! Partner Portal. With 400 the code was used before or is too old; Heroku sends a new one when the
//! resource is provisioned again.
//!
//! ### Heroku's provisioning calls get 401
//! `HEROKU_ADDON_SLUG` is `id` of the manifest, `HEROKU_ADDON_PASSWORD` its `api.password`. The log reports
//! such a call, once an hour.
//!
//! ### 403 `not-listed`; reason "the resource is not registered"
//! This process does not know the resource. If it affects all users since a restart, the store was in
//! memory, which is the default. Its contents are lost: provision again, and configure a durable
//! [store](crate::guide::deploying) before production. If it affects one resource, its provisioning went to
//! another process with a separate store, or you answer provisioning yourself and did not call
//! [`register`](crate::Resources::register).
//!
//! ### 403 `not-listed`; reason "the email is not on the list"
//! [`Lists::explain`](crate::Lists::explain) says in one sentence what a sign-in of this person would get
//! now, and by which inputs. Then look at the list: [`Lists::get`](crate::Lists::get). The user may have
//! opened the add-on from another app that it is attached to. Users of that app are not on the list of the
//! app that the add-on belongs to: [`include_attached_apps`](crate::HerokuSsoBuilder::include_attached_apps)
//! (`INCLUDE_ATTACHED_APPS=1`) admits them, without roles. If it is on, `explain` says how many attached apps
//! were skipped, because Heroku does not list their people, or left out, because there are more than 20. Or
//! [`ListPolicy::Strict`](crate::ListPolicy::Strict) is on, and the user's
//! only role in the team is `collaborator`.
//!
//! ### 503 `cannot-check` at each sign-in
//! | the log says | cause | fix |
//! | --- | --- | --- |
//! | "the resource has no oauth grant" | it was registered without one | [`register`](crate::Resources::register) it with one |
//! | `needs_grant`, one resource | Heroku refused its refresh token, perhaps because another process has renewed it | a new grant from Heroku |
//! | `needs_grant`, many at the same time | `HEROKU_CLIENT_SECRET` is wrong, or was changed at Heroku | set it again; the sync retries the tokens |
//! | "heroku's rate limit is reached" | too many calls | a longer `idle_interval`; `sync_lagging` says whether that is enough |
//! | "no answer from heroku" | no connection to `api.heroku.com` and `id.heroku.com` | check egress rules and proxies |
//! | "attached apps could not be read"; only users of attached apps and unlisted emails get 503 | Heroku does not answer `GET /addons/:id/addon-attachments`, or the collaborators of an attached app | if it lasts, ask Heroku's partner support whether your tokens may make these calls, or switch [`include_attached_apps`](crate::HerokuSsoBuilder::include_attached_apps) off |
//! | "heroku does not tell the members of the team" | 403 at Heroku for the team | collaborators are admitted; ask Heroku's partner support to allow that call |
//!
//! With a wrong client secret provisioning fails too, with 503, as no code can be exchanged.
//!
//! # While signed in
//! ### Users are signed out after a pause of ten minutes; "no sync runs" in the log
//! [`spawn_sync`](crate::HerokuSso::spawn_sync) was not called, or its handle was dropped: `let _ =` drops
//! it immediately, `let _sync =` does not. The sync must run in each process.
//!
//! ### 500, and "a handler takes HerokuUser …" in the log
//! The handler is not in the router that [`protect`](crate::HerokuSso::protect) was given. Without
//! [`HerokuUser`](crate::HerokuUser) in its arguments it would be open to the internet.
//!
//! ### 500, and "`sessions().layer(…)` is not inside of the gate" in the log
//! The layer is around what `protect` returns. Put it on the router that `protect` is given. The extractor
//! `Session` also answers 500 behind [`optional_layer`](crate::HerokuSso::optional_layer) if the visitor is not
//! signed in.
//!
//! ### 401 `no-session` on a route with a role, though signed in; "a role guard is not inside of the gate"
//! The guard is outside of the gate. Put [`Require::role`](crate::Require::role) on routes of the router that
//! `protect` is given, with `route_layer`. With [`RequireRole`](crate::extract::RequireRole) in a handler's
//! arguments, the same mistake is a 500.
//!
//! ### 403 `unsigned-email` on a route with a role
//! The sign-in rests on Heroku's older token, which does not cover the email. See
//! [`threats`](crate::guide::threats#unsigned-emails) before you say
//! [`trust_unsigned_email`](crate::Require::trust_unsigned_email).
//!
//! ### No roles, though the person is an admin at Heroku
//! If `/whoami` says `"proof": "unsigned_email"`, the cause is the same as above. Where
//! [`sso_policy`](crate::HerokuSsoBuilder::sso_policy) allows unsigned emails, their users have no roles, no
//! permissions and no account.
//!
//! ### 403 `cross-site` at the sign-out button
//! A proxy changes `Host`, and the browser sends no `Sec-Fetch-Site`. So the gate compares `Origin` with
//! `Host`, and they differ. Set [`public_url`](crate::HerokuSsoBuilder::public_url) (`PUBLIC_URL`), or configure the
//! proxy to pass `Host` on. `X-Forwarded-Host` is not read, as any client can send one. Or the form really is on another host, such
//! as your main site: then link it to the dashboard's own page.
//!
//! ### 403 `foreign-origin` for a WebSocket
//! The log names the origin. If it is your site, its address is not what the proxy passes on as `Host`, or the
//! page was loaded over plain http. Set [`public_url`](crate::HerokuSsoBuilder::public_url), and redirect http
//! to https. If it is another site of yours, permit it by
//! [`allowed_origins`](crate::HerokuSsoBuilder::allowed_origins).
//!
//! ### One of two tabs suddenly shows another customer's dashboard
//! A browser has one session, for the resource it last signed in to. See
//! [`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path).
//!
//! # Heroku's calls
//! ### Heroku gets 401 when it provisions; "a call to the Partner API was rejected by the gate"
//! [`partner_api`](crate::Routes::partner_api) is inside of the gate's [`layer`](crate::HerokuSso::layer).
//! Merge it outside. If there is a 401 without that log line, `HEROKU_ADDON_SLUG` or
//! `HEROKU_ADDON_PASSWORD` differs from the manifest.
//!
//! ### "a webhook that heroku did not sign was rejected"
//! `HEROKU_WEBHOOK_SECRET` is not the one that the subscription was made with, or a proxy changes request
//! bodies. With `HEROKU_WEBHOOK_URL` the crate makes the subscriptions, and updates them when the secret
//! changes.
//!
//! # Start-up and the database
//! ### The process ends with "… is not set" or "… holds no usable secret"
//! The message names the variable. Placeholders such as `changeme` or `<salt>` count as missing.
//!
//! ### "TOKEN_ENCRYPTION_KEY needs DATABASE_URL"
//! A key without a database encrypts nothing: the state would be in memory, and lost at a restart. Set
//! `DATABASE_URL`, or give the builder a [`store`](crate::HerokuSsoBuilder::store).
//!
//! ### "encrypted with key …, which is not among the keys given"
//! `TOKEN_ENCRYPTION_KEY` is not the key that encrypted the tokens in the database. Set both, the old one
//! first; see [`EncryptionKeys`](crate::store::EncryptionKeys).
//!
//! ### "LISTEN failed; falling back to polling", or other processes apply a sign-out only after a second
//! The connection for `LISTEN` cannot be opened. Until it can, the process polls the tables every second.
//!
//! ### "the database is behind a pooler that does not keep a connection's settings"
//! Set `PostgresOptions::transaction_pooler`, or give the store the address of the database itself.
//!
//! ### "`sslmode=prefer` lets the connection … go without TLS"
//! Set `sslmode=require` or `verify-full`. On a network that you trust, you can set
//! `PostgresOptions::allow_unencrypted_connections`.
//!
//! ### A request waits for 5 seconds when the session store's database is unavailable
//! A call of the session store is given up after 5 seconds. Set the `acquire_timeout` of its pool, which you
//! create, to 3 seconds, so that the error says what is missing.
