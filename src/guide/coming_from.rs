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
//! **Your own code** is most often the same twenty lines. Look for these mistakes: a fallback from one
//! token to a weaker one when the first is *wrong*; a timestamp that is parsed and formatted again before
//! it is hashed; an email that is looked up without normalization; a user `id` in the session that nothing
//! invalidates.
//!
//! # How to migrate
//! ### 1. Which forms your resources are sent
//! Forms of resources that were provisioned by version 3 of the Partner API have `resource_id`. If your
//! resources have your own ids from version 1, register them with that id
//! ([`register_legacy`](crate::Resources::register_legacy)). Under
//! [`SsoPolicy::Legacy`](crate::SsoPolicy::Legacy), forms with only `id` and `token` are matched by it.
//!
//! ### 2. Tokens
//! A list is fetched with the resource's own OAuth tokens. If you have kept them since the provisioning,
//! register them:
//!
//! ```
//! use tower_heroku_sso::{HerokuSso, OauthGrant, ResourceId, Tokens};
//!
//! /// What your own table has.
//! struct Row {
//!     resource: ResourceId,
//!     access: String,
//!     refresh: String,
//!     expires_at: time::OffsetDateTime,
//! }
//!
//! async fn hand_over(sso: &HerokuSso, rows: Vec<Row>) -> Vec<ResourceId> {
//!     let mut in_need = Vec::new();
//!     for row in rows {
//!         let tokens = Tokens::new(row.access, row.refresh, row.expires_at);
//!         let registered = sso.resources().register(&row.resource, OauthGrant::Tokens(tokens)).await;
//!         if registered.is_err() || sso.lists().refresh(&row.resource).await.is_err() {
//!             in_need.push(row.resource); // look at the error: not each is about the tokens
//!         }
//!     }
//!     in_need
//! }
//! ```
//!
//! It is safe to run this again: tokens replace stored ones only if they expire later. Run it against the
//! [store](crate::guide::deploying) that you will keep, never against one in memory. **Then stop token
//! renewals in your old code**: a renewal may invalidate the previous refresh token, and a process that
//! still holds that one can no longer renew. For your own calls use
//! [`Resources::access_token`](crate::Resources::access_token).
//!
//! Without tokens there is no list, and requests for the resource get 503. The code in the provisioning
//! request works once and for five minutes, so it cannot be used later. Ask Heroku's partner support for
//! new grants, and register each with [`OauthGrant::Code`](crate::OauthGrant::Code).
//!
//! ### 3. Paths
//! Keep your `sso_url` by setting [`sso_path`](crate::HerokuSsoBuilder::sso_path), for example to
//! `/sso/login`. Forms by GET to `/heroku/resources/:id`, from the time before `sso_url` existed, are
//! accepted only under [`SsoPolicy::Legacy`](crate::SsoPolicy::Legacy), by the gate and by
//! [`partner_api`](crate::Routes::partner_api). Give the manifest an `sso_url`.
//! [`quick_start`](crate::guide::quick_start#if-you-answer-provisioning-yourself) says what to merge if you
//! answer the Partner API yourself.
//!
//! ### 4. Sessions
//! Sessions of your old code cannot become sessions of the gate: they do not record how the user was
//! verified.
//!
//! - **End them with the release** (recommended). Each user sees a page once that says to open the add-on
//!   from Heroku's dashboard. From then on the browser is redirected there and back. The cookies have other
//!   names, so they do not collide. Delete the old check in the same release, or the old cookie stays valid
//!   on every route outside the gate.
//! - **Or let them expire.** Put [`optional_layer`](crate::HerokuSso::optional_layer) around your routes:
//!   it forwards every request and identifies users with a session of the gate. Your old check behind it
//!   handles the other requests. After the longest lifetime of an old session, replace it with
//!   [`layer`](crate::HerokuSso::layer). Until then no route is gated.
//!
//! ### 5. Users
//! Rows of your user table that were created at sign-ins hold unverified emails. From now on, maintain them
//! from [`Lists::changes`](crate::Lists::changes). A snapshot of each list comes first; delete the
//! rows that are not in it.
//!
//! ### 6. An app that is not in Rust
//! Leave it where it is, and put the gate in front of it. The example `proxy` of this crate forwards
//! admitted requests, with a signed header that identifies the user ([`assertion`](crate::assertion)). In
//! Rails or Express, checking that JWT replaces the strategy. Bind the app to loopback, so that no request
//! bypasses the gate.
//!
//! [`devise-heroku-sso`]: https://github.com/adorableio/devise-heroku-sso
//! [`maitre_d`]: https://github.com/flying-sphinx/maitre_d
//! [`passport-heroku-addon`]: https://github.com/auth0/passport-heroku-addon
//! [`passport-heroku-sso`]: https://github.com/camshaft/passport-heroku-sso
//! [`sudo-sandwich`]: https://github.com/heroku/sudo-sandwich
