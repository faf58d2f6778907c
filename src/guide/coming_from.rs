//! Migration from other packages and from your own code: what they check, and how to migrate.
//!
//! # What was compared
//! The table describes the source of each package at its newest commit, which is named with its year. It
//! does not cover what your app does around it, such as a filter of its own that queries the Platform API.
//!
//! | package | version, commit | token | maximum age of a form | then |
//! | --- | --- | --- | --- | --- |
//! | [`devise-heroku-sso`] (Ruby) | 1.0.5, `8b33567`, 2015 | v1: `id`, `token` | 5 min | signs in the record with that `id` |
//! | [`maitre_d`] (Ruby) | 0.7.1, `c62978b`, 2020 | v3: `resource_token` | 5 min | calls your listener with the resource id, sets what it returns in the session |
//! | [`passport-heroku-addon`] (Node) | 1.0.0, `ef06245`, 2024 | v1 | 2 min | a user of `email` and `resource_id` |
//! | [`passport-heroku-sso`] (Node) | 0.1.0, `4ae6960`, 2013 | v1 | 2 min | calls your function with `id`, `email`, `app` |
//! | [`sudo-sandwich`] (Ruby), Heroku's sample add-on | `bd08641`, 2025 | v3: `resource_token` | not checked | the resource's row id in a cookie session of 90 minutes |
//!
//! All of them have this in common:
//!
//! - **They identify the resource, not the user.** The tokens that they verify are SHA-1 and cover the
//!   resource and the time. None reads `user_scoped_resource_token`; most are older than it. Where they
//!   pass the email on, it is not verified.
//! - **No list.** None asks Heroku who has access to the app. Any valid form opens a session. The session
//!   lasts as long as your sessions do, even after the customer has removed the user.
//! - **No replay protection**, and no limit for timestamps in the future. Heroku requires neither.
//! - All compare digests with plain equality, except `passport-heroku-sso`, which has its own constant-time
//!   comparison.
//!
//! One thing they do that this crate does not: `devise-heroku-sso` and `maitre_d` set the cookie
//! `heroku-nav-data`, for a header bar that Heroku has withdrawn. This crate sets it only under
//! [`SsoPolicy::Legacy`](crate::SsoPolicy::Legacy), for `kensa`.
//!
//! # How to migrate
//! Four steps, each of which you can take back by a setting. The example `adopt` is a dashboard with the usual
//! hand-written sign-in that takes them.
//!
//! | step | [`HEROKU_SSO_ENFORCEMENT`](crate::guide::options#from-the-environment) | who is rejected |
//! | --- | --- | --- |
//! | [observe](#1-observe) | `observe` | no one |
//! | [import](#2-import-the-tokens) | `observe` | no one |
//! | [a share](#3-enforce-for-a-share) | `5%`, `50%` | by the gate, for a share of the resources |
//! | [all](#4-enforce-for-all) | `enforce` | by the gate |
//!
//! ### 1. Observe
//! Put the gate around the app as it is, with its old sign-in inside:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, routing::{get, post}};
//! use tower_heroku_sso::{Enforcement, HerokuSso, HerokuSsoBuilder, SetupError};
//!
//! async fn your_sign_in() {}
//! async fn your_dashboard() {}
//!
//! async fn app(builder: HerokuSsoBuilder) -> Result<(HerokuSso, Router), SetupError> {
//!     let sso = builder
//!         .sso_path("/sso/login") // the `sso_url` of your manifest, as it is
//!         .enforcement(Enforcement::Observe)
//!         .build()
//!         .await?;
//!     let app = Router::new()
//!         .route("/sso/login", post(your_sign_in))
//!         .route("/dashboard", get(your_dashboard))
//!         .layer(sso.layer());
//!     Ok((sso, app))
//! }
//! ```
//!
//! The app answers as before: same status, same headers, same body. Only the answer to a sign-in form has the
//! gate's own cookies besides. A request that the gate cannot check within a second goes on without a verdict, so
//! a store or a Heroku that hangs delays a page by a second and fails none. Sign-out and the gate's other paths
//! are the app's own. [`Routes::sign_in`](crate::Routes::sign_in) has no routes meanwhile, and
//! [`protect`](crate::HerokuSso::protect), which works here as well, adds none. It refuses a router with
//! `/heroku/resources`: merge these routes of yours into what it returns.
//!
//! - **Audit events** `sign_in_observed` and `request_observed` name each user who would have been rejected, and
//!   why. **The metric** `heroku_sso_observations_total` counts them by reason.
//! - **In your handlers**, the extension [`Observed`](crate::Observed) has the verdict, so that you can compare it
//!   with your own login. There is no [`HerokuUser`](crate::HerokuUser): an observation is no check.
//! - A request without a session of the gate is no rejection: a browser would have been led through Heroku. There
//!   are many in the first hours, until everyone has opened the add-on once.
//!
//! The body of a form is read and put back; for that, the requests must have axum's `Body`, or `UnsyncBoxBody`.
//!
//! [`HerokuSso::readiness`](crate::HerokuSso::readiness) says in one sentence, and as JSON, what is missing. Show
//! it on a page for your staff. It counts in memory, in each process for itself.
//!
//! ### 2. Import the tokens
//! A list is fetched with the resource's own OAuth tokens. Your table probably has them since the provisioning.
//! [`Resources::import`](crate::Resources::import) takes its rows, from JSON lines, from CSV or from your database:
//!
//! ```
//! use tower_heroku_sso::{HerokuSso, ImportRecord, ResourceId, Tokens};
//!
//! /// What your own table has.
//! struct Row {
//!     resource: ResourceId,
//!     access: String,
//!     refresh: String,
//!     expires_at: time::OffsetDateTime,
//! }
//!
//! async fn hand_over(sso: &HerokuSso, rows: Vec<Row>) -> Result<(), Box<dyn std::error::Error>> {
//!     let records = rows.into_iter().map(|row| {
//!         let tokens = Tokens::new(row.access, row.refresh, row.expires_at);
//!         Ok::<_, std::convert::Infallible>(ImportRecord::new(row.resource, tokens))
//!     });
//!     let records: Vec<_> = records.collect();
//!     let plan = sso.resources().import(records.clone()).dry_run().run().await?;
//!     println!("{plan}");
//!     let done = sso.resources().import(records).on_progress(|so_far| {
//!         if so_far.rows % 1_000 == 0 {
//!             println!("{so_far}");
//!         }
//!     });
//!     println!("{}", done.run().await?);
//!     Ok(())
//! }
//! ```
//!
//! It is safe to run it again: it skips what is there. Run it against the [store](crate::guide::deploying) that
//! you will keep, never against one in memory. It makes no call to Heroku; the sync fetches the new lists at its
//! own pace. **Then stop token renewals in your old code**: a renewal may invalidate the previous refresh token,
//! and a process that still holds that one can no longer renew. For your own calls use
//! [`Resources::access_token`](crate::Resources::access_token).
//!
//! Resources without tokens that work are in [`Readiness::without_grant`](crate::Readiness::without_grant). The
//! code in the provisioning request works once and for five minutes, so it cannot be used later. Ask Heroku's
//! partner support for new grants, and register each with [`OauthGrant::Code`](crate::OauthGrant::Code).
//!
//! Resources from version 1 of the Partner API sign in with your own id: import them with their
//! [`legacy_id`](crate::ImportRecord::legacy_id), under [`SsoPolicy::Legacy`](crate::SsoPolicy::Legacy).
//!
//! ### 3. Enforce for a share
//! The gate must know the resource of a request before there is any session of its own. Your own session names
//! it:
//!
//! ```
//! use tower_heroku_sso::{Enforcement, HerokuSsoBuilder, ResourceId};
//!
//! # fn your_session(parts: &http::request::Parts) -> Option<ResourceId> { None }
//! # fn share(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
//! builder
//!     .resource_of(|parts| your_session(parts))
//!     .enforcement(Enforcement::share(5))
//! # }
//! ```
//!
//! The share depends on the ids alone: raising it only adds resources. For chosen customers first, use
//! [`ResourceRule::new`](crate::ResourceRule::new). What it means for each request:
//!
//! - The resource is enforced: it passes only with a session of the gate *for this resource*, and has a
//!   [`HerokuUser`](crate::HerokuUser).
//! - The resource is observed: as in the first step.
//! - **No resource is known: it is enforced.** So a user who deletes cookies gains nothing. A page that is public
//!   must be outside of the layer, and so must a second way to sign in, if it is to stay.
//!
//! A sign-in form names its resource itself. If it names none, or two, the gate answers it.
//!
//! ### 4. Enforce for all
//! When [`readiness`](crate::HerokuSso::readiness) says "ready" and a share has worked for some days, set
//! [`Enforcement::Enforce`](crate::Enforcement::Enforce). Now the gate answers the form, and your own sign-in is
//! not reached any more. Delete it, and your own sessions:
//! handlers take [`HerokuUser`](crate::HerokuUser) instead. **As long as your own sessions exist, keep
//! `resource_of`.** Otherwise a user who was removed from one resource could use its old session with the gate's
//! session for another.
//!
//! Rows of your user table that were created at sign-ins hold unverified emails. From now on, maintain them from
//! [`Lists::changes`](crate::Lists::changes). A snapshot of each list comes first; delete the rows that are not
//! in it.
//!
//! # By package
//! | you have | what differs |
//! | --- | --- |
//! | like [`devise-heroku-sso`], or [`maitre_d`] (Rails) | The app is not in Rust: put the gate [in front of it](#an-app-that-is-not-in-rust). `devise-heroku-sso` takes the form by GET at `/heroku/resources/:id` if the manifest has no `sso_url`: give it one, or use [`SsoPolicy::Legacy`](crate::SsoPolicy::Legacy) until then. Its resources sign in with your own ids: import them with `legacy_id`. `maitre_d` has the resource's id in the session, which is what `resource_of` needs |
//! | like [`passport-heroku-addon`], or [`passport-heroku-sso`] (Express) | The same, by version 1: `legacy_id`, and `Legacy` or `AllowUnsignedEmail`, as `readiness` counts the forms that have no email that Heroku signed. The user in the session is an `email` and a `resource_id` that nobody has verified: end these sessions with the last step |
//! | hand-written code | Most often twenty lines that hash `resource_id`, salt and `timestamp` with SHA-1. Look for these mistakes before you trust its session in `resource_of`: a fallback from one token to a weaker one when the first is *wrong*; a timestamp that is parsed and formatted again before it is hashed; a session cookie that is not signed |
//!
//! [`quick_start`](crate::guide::quick_start#if-you-answer-provisioning-yourself) says what to merge if you answer
//! the Partner API yourself.
//!
//! ### An app that is not in Rust
//! Leave it where it is, and put the gate in front of it. The example `proxy` of this crate forwards
//! admitted requests, with a signed header that identifies the user ([`assertion`](crate::assertion)). In
//! Rails or Express, checking that JWT replaces the strategy. Bind the app to loopback, so that no request
//! bypasses the gate. To observe first, set `HEROKU_SSO_ENFORCEMENT=observe` for the proxy.
//!
//! [`devise-heroku-sso`]: https://github.com/adorableio/devise-heroku-sso
//! [`maitre_d`]: https://github.com/flying-sphinx/maitre_d
//! [`passport-heroku-addon`]: https://github.com/auth0/passport-heroku-addon
//! [`passport-heroku-sso`]: https://github.com/camshaft/passport-heroku-sso
//! [`sudo-sandwich`]: https://github.com/heroku/sudo-sandwich
