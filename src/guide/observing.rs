//! Metrics, log events, health checks, and what to alert on.
//!
//! # Health checks
//! Both belong outside of the gate. An answer is cached for a second, so the routes may be public.
//!
//! | route | 200 while | for |
//! | --- | --- | --- |
//! | [`healthz`](crate::Routes::healthz) | the store answers and the sync runs | the supervisor that restarts your process. Do not restart it while the database is unavailable: a new process would not start |
//! | [`readyz`](crate::Routes::readyz) | the same, and no list in use is older than `max_list_age` | alerts: users get 503 |
//!
//! Otherwise 503. The body says which check failed: `store_reachable`, `sync_alive`, `lists_fresh`,
//! `lists_lagging`, `oldest_list_age_seconds`. The same and more in code:
//! [`Lists::health`](crate::Lists::health).
//!
//! # Metrics
//! Through the [`metrics`](https://docs.rs/metrics) facade. Install a recorder before
//! [`build`](crate::HerokuSsoBuilder::build), which describes each metric to it: its unit and a sentence.
//! Metrics recorded before that are lost. Without a recorder they cost nothing. Names and units follow the
//! naming rules of Prometheus. No label holds a person, a resource or a secret.
//!
//! | metric | kind | labels |
//! | --- | --- | --- |
//! | `heroku_sso_requests_total` | counter | `decision`: `allow`, `deny`, `anonymous`; `reason`: empty for `allow`, otherwise the code of a rejection |
//! | `heroku_sso_guard_rejections_total` | counter | `reason`: `foreign-origin`, `missing-permission`, `missing-role`, `unsigned-email` |
//! | `heroku_sso_sign_ins_total` | counter | `outcome`: `ok`, or the code of a rejection |
//! | `heroku_sso_observations_total` | counter | `of`: `request`, `sign_in`; `verdict`: `allowed`, `rejected`, `sign_in_needed`, `undecided`; `reason`: empty for `allowed` and `undecided`, otherwise the code of a rejection |
//! | `heroku_sso_api_calls_total` | counter | `call`: `add_on`, `app`, `collaborators`, `team_members`, `attachments`, `tokens`, `webhooks`; `outcome`: a status, or the kind of an error |
//! | `heroku_sso_list_fetches_total` | counter | `outcome`: `ok`, or the kind of an error |
//! | `heroku_sso_list_fetch_duration_seconds` | histogram | `outcome`: `ok`, or the kind of an error |
//! | `heroku_sso_token_renewals_total` | counter | `outcome`: `ok`, `refused`, `failed` |
//! | `heroku_sso_partner_calls_rejected_total` | counter | `credentials`: `wrong`, `missing` |
//! | `heroku_sso_webhooks_total` | counter | `outcome`: `accepted`, `duplicate`, `ignored`, `unsigned`, `failed` |
//! | `heroku_sso_audit_events_dropped_total` | counter | |
//! | `heroku_sso_resources` | gauge | `state`: `dormant`, `needing_grant`, `without_list`, `in_use`, `idle` |
//! | `heroku_sso_oldest_list_age_seconds` | gauge | `state`: `in_use`, `idle` |
//! | `heroku_sso_due_lists` | gauge | `state`: `in_use`, `idle` |
//! | `heroku_sso_sync_lagging` | gauge | |
//! | `heroku_sso_rate_limit_remaining_calls` | gauge | |
//! | `heroku_sso_clock_drift_seconds` | gauge | |
//!
//! The sync sets the gauges every ten seconds.
//!
//! - **Requests** are those that reach the gate's layer, except for its own paths. `anonymous` is a request
//!   that [`optional_layer`](crate::HerokuSso::optional_layer) passes on without a user; the reason says why
//!   it has none. A request that is led through Heroku is a `deny`. [`Require`](crate::Require),
//!   [`RequireRole`](crate::extract::RequireRole) and
//!   [`RequirePermission`](crate::extract::RequirePermission) reject requests that the gate has allowed, so these are
//!   counted in both metrics.
//! - **Sign-ins** are forms at the SSO path, those of programs, and calls of
//!   [`Sessions::admit`](crate::Sessions::admit).
//! - **Observations** are the requests and forms that the gate only observes, under
//!   [`Enforcement`](crate::Enforcement); the two metrics above do not count them. For the verdicts see
//!   [`Verdict`](crate::Verdict).
//! - **Resources** are counted once each, under the first state that applies; their sum is the number of
//!   resources in memory.
//! - `heroku_sso_sync_lagging` is 1 while lists are not refreshed within their intervals, otherwise 0.
//! - `heroku_sso_rate_limit_remaining_calls` is about a shared pool; it is not set under
//!   [`RatePools::PerToken`](crate::RatePools::PerToken).
//! - `heroku_sso_audit_events_dropped_total` exists if [`on_audit`](crate::HerokuSsoBuilder::on_audit) is set.
//! - A positive `heroku_sso_clock_drift_seconds` means that Heroku's clock is ahead.
//!
//! The codes of rejections, see [`RejectionKind`](crate::RejectionKind): `cannot-check`, `cross-site`,
//! `expired-link`, `foreign-origin`, `invalid-link`,
//! `invalid-sign-in`, `method-not-allowed`, `missing-permission`, `missing-role`, `no-session`, `not-a-form`, `not-listed`,
//! `other-resource`, `session-ended`, `slow-body`, `stale-sign-in`, `too-large`, `unsigned-email`,
//! `used-sign-in`.
//!
//! The kinds of errors: `busy`, `dormant`, `forbidden`, `gone`, `grant_refused`, `interrupted`, `malformed`,
//! `members_withheld`, `needs_grant`, `no_tokens`, `no_usable_list`, `not_found`, `over_budget`,
//! `rate_limited`, `redirected`, `slow`, `store`, `too_large`, `transport`, `unauthorized`, `unavailable`,
//! `unfinished_list`, `unknown_resource`, `wrong_subject`.
//!
//! The gate does not know your routes. To count rejections by route, a layer of yours outside of it can read
//! [`RejectionKind`](crate::RejectionKind), which is in the extensions of each:
//!
//! ```
//! use axum::{extract::Request, middleware::Next, response::Response};
//! use tower_heroku_sso::RejectionKind;
//!
//! async fn count(request: Request, next: Next) -> Response {
//!     let response = next.run(request).await;
//!     if let Some(kind) = response.extensions().get::<RejectionKind>() {
//!         println!("rejected: {}", kind.code()); // or a counter of yours
//!     }
//!     response
//! }
//! # fn site(sso: tower_heroku_sso::HerokuSso) -> axum::Router {
//! # let router = axum::Router::new();
//! sso.protect(router)
//!     .layer(axum::middleware::from_fn(count)) // last of all: forms are rejected there too
//! # }
//! ```
//!
//! # Audit events
//! The only events that name people: who signed in, who was rejected, who joined and who left. Each is a
//! `tracing` event of the target `tower_heroku_sso::audit`. Send this target to a place where personal data is
//! allowed, and keep it for as long as you must be able to say which users signed in.
//!
//! | event | level | when | fields besides `version`, `resource`, `email` |
//! | --- | --- | --- | --- |
//! | `signed_in` | info | a user signed in | `proof`, `user_id`, `session`, `request_id` |
//! | `unsigned_email` | warn | in addition to `signed_in`, if the token does not cover the email | `proof`, `session`, `request_id` |
//! | `sign_in_rejected` | info | a form, or your own login, was rejected | `reason`, `request_id`; once they are known, `resource`, `email`, `user_id` and `proof` |
//! | `request_rejected` | info | a request was rejected for its session, its role, its permission or the list | `reason`: `not_listed`, `other_account`, `email_changed`, `other_resource`, `removed`, `revoked`, `missing_role`, `missing_permission`, `unsigned_email`, `foreign_origin`; `proof`, `user_id`, `session`, `request_id` |
//! | `sign_in_observed`, `request_observed` | info | the gate only observes, and the app has received a form or a request that an enforced gate would have rejected, or about which it knew nothing in time | `verdict`: `rejected`, `sign_in_needed`, `undecided`; `reason`: as in the two rows above, or the code of a rejection; `request_id`; once they are known, `resource`, `email`, `user_id`, `proof` and `session` |
//! | `signed_out` | info | a user signed out | `proof`, `user_id`, `session`, `request_id` |
//! | `revoked` | info | [`revoke`](crate::Sessions::revoke) was called | |
//! | `session_ended` | info | [`end`](crate::Sessions::end) ended a session | `session` |
//! | `all_revoked` | info | [`end_all`](crate::Sessions::end_all) was called | no `email` |
//! | `person_erased` | info | [`erase`](crate::Lists::erase) was called; names no person | `sessions`: how many it ended; no `resource`, no `email` |
//! | `member_added` | info | a newer list has a user that the last had not | `roles`, `user_id` |
//! | `member_removed` | info | a newer list has a user no longer | |
//! | `role_changed` | info | a user has other roles on the newer list | `roles`, `roles_before` |
//! | `email_changed` | info | an account has another email on the newer list | `email_before`, `roles`, `user_id` |
//! | `account_replaced` | info | an email belongs to another account on the newer list | `user_id_before`, `roles`, `user_id` |
//! | `account_known` | info | the newer list names the account of an email for the first time | `roles`, `user_id` |
//! | `account_unknown` | info | the newer list no longer names the account of an email | `user_id_before`, `roles` |
//! | `provisioned`, `plan_changed`, `deprovisioned` | info | Heroku requested it, and your [`Addon`](crate::partner_api::Addon) has answered | `outcome`: `done`, `later`, `rejected`, `try_later`; no `email` |
//! | `partner_call_rejected` | info | a call to the Partner API without Heroku's credentials | `reason`: `wrong`, `missing`; `request_id`; no `resource`, no `email` |
//! | `needs_grant` | error | Heroku refused a refresh token | `reason`: the error; no `email` |
//! | `resource_dormant` | warn | Heroku has reported a resource as missing for 15 minutes; access is suspended | `reason`: `not_found`, `grant_refused`; no `email` |
//! | `resource_revived` | info | a dormant resource is active again | no `email` |
//! | `dormancy_braked` | error | too many resources would become dormant at the same time: no further one does, and none of them ends; logged once an hour | `resources`: how many; no `resource`, no `email` |
//! | `resource_gone` | info | a resource ended | no `email` |
//!
//! - `proof`: `signed_email`, `unsigned_email`, `own_login`. With `unsigned_email` the email is only claimed,
//!   and no account is named.
//! - `session`: part of a hash of the session's id. Events of one session have the same value, and it opens
//!   nothing.
//! - `request_id`: the `X-Request-ID` of Heroku's router, if it is well-formed, otherwise a random id. A client
//!   can choose it: use it to find a request in other logs, and for nothing else.
//!
//! # An audit trail of your own
//! [`on_audit`](crate::HerokuSsoBuilder::on_audit) gives the same events to a function, as
//! [`AuditEvent`](crate::audit::AuditEvent), which serializes to JSON. This form has a
//! [version](crate::audit::AuditEvent::VERSION), which changes if a field or an event is removed or renamed.
//! This needs `serde_json` in your `Cargo.toml`:
//!
//! ```
//! # use std::io::Write;
//! # fn set_up(
//! #     builder: tower_heroku_sso::HerokuSsoBuilder,
//! #     trail: std::fs::File,
//! # ) -> tower_heroku_sso::HerokuSsoBuilder {
//! builder.on_audit(move |event| {
//!     let line = serde_json::to_string(event).expect("an event is JSON");
//!     writeln!(&trail, "{line}").expect("a disk with space") // a panic is logged
//! })
//! # }
//! ```
//!
//! The function is called in a thread of its own, for one event after another, so it may block. Up to 4,096
//! events wait for it:
//!
//! | events that wait | dropped are |
//! | --- | --- |
//! | 2,048 or more | `sign_in_rejected`, `partner_call_rejected`, `sign_in_observed` and `request_observed`, which any outsider can cause. So a flood of malformed forms never costs you an event about a user, a list or a resource |
//! | 4,096 | all |
//!
//! Dropped events are counted by `heroku_sso_audit_events_dropped_total`, and logged at most once an hour. They
//! are still in the log of the target `tower_heroku_sso::audit`. Events that wait when the process ends are
//! lost. Where every event counts, store those of the log.
//!
//! # Log events
//! All other events are `tracing` events too. Those that you may want to count or to search for have a name,
//! in the field `event`. No event contains a secret, and none of these an email.
//!
//! Their targets begin with `tower_heroku_sso`:
//!
//! | event | level | when | fields |
//! | --- | --- | --- | --- |
//! | `sync_lagging` | error | lists cannot be refreshed within their intervals; repeated every ten minutes | `late_in_use_seconds`, `late_idle_seconds` |
//! | `sync_caught_up` | info | lists are refreshed within their intervals again | |
//! | `initial_sync` | info | progress of the first fetch of the lists of a hundred resources or more | `fetched`, `total`, `seconds` |
//! | `clock_drift` | warn | Heroku's clock and ours are 30 seconds apart or more | `seconds` |
//! | `clock_drift_over` | info | the clocks agree again | `seconds` |
//!
//! The others have a text and no name. They report a fetch, a store call or a message that failed,
//! with `error` and `cause`. As a rule the event is a warning if the crate recovers without help. It is an
//! error if a customer was rejected because of it, or if an operator must act.
//!
//! # What to alert on
//! | alert | reason |
//! | --- | --- |
//! | `/readyz` is 503 for some minutes | customers get 503 |
//! | `heroku_sso_resources{state="needing_grant"}` rises | each is a customer who loses access when the list is too old. Many at the same time: the client secret is wrong |
//! | `heroku_sso_resources{state="dormant"}` rises, or `dormancy_braked` | Heroku reports resources as missing: one may be a customer's action, many are a mistake |
//! | `heroku_sso_sign_ins_total{outcome="ok"}` does not rise while other outcomes do | users cannot sign in: the outcome says why, for example `invalid-sign-in` with a wrong salt, `stale-sign-in` with a wrong clock |
//! | `heroku_sso_audit_events_dropped_total` rises | your `on_audit` is too slow, or outsiders send many forms |
//! | `heroku_sso_sync_lagging` is 1 for an hour | the rate limit is too low for the fleet |
//! | `heroku_sso_clock_drift_seconds` is beyond 30 | forms will be rejected |
//!
//! Check these each week: `unsigned_email` (if there was none for a long time,
//! [`UserScoped`](crate::SsoPolicy::UserScoped), the default, is enough), and
//! `heroku_sso_webhooks_total{outcome="unsigned"}`.
