//! From other packages and from code of your own: what they check, and the way over.
//!
//! # What was read
//! The source of each at its newest commit, which is named with its year. The table is about what that
//! code does; what your app does around it, such as asking the Platform API in a filter of its own, is not
//! in it.
//!
//! | package | version, commit | token | a form may be old | then |
//! | --- | --- | --- | --- | --- |
//! | [`devise-heroku-sso`] (Ruby) | 1.0.5, `8b33567`, 2015 | v1: `id`, `token` | 5 min | signs in the record with that `id` |
//! | [`maitre_d`] (Ruby) | 0.7.1, `c62978b`, 2020 | v3: `resource_token` | 5 min | calls your listener with the resource id, sets what it returns in the session |
//! | [`passport-heroku-addon`] (Node) | 1.0.0, `ef06245`, 2024 | v1 | 2 min | a user of `email` and `resource_id` |
//! | [`passport-heroku-sso`] (Node) | 0.1.0, `4ae6960`, 2013 | v1 | 2 min | calls your function with `id`, `email`, `app` |
//! | [`sudo-sandwich`] (Ruby), Heroku's sample add-on | `bd08641`, 2025 | v3: `resource_token` | not looked at | the resource's row id in a cookie session of 90 minutes |
//!
//! What all of them have in common:
//!
//! - **They answer "which resource", not "who".** The tokens that they verify are SHA-1 and cover the
//!   resource and the time. None reads `user_scoped_resource_token`, which most are older than. Where they
//!   pass the email on, nothing has vouched for it.
//! - **No list.** None asks Heroku who is on the app. Whoever has a form, has a session, and keeps it for as
//!   long as your session lives, thrown out or not.
//! - **No replay protection**, and no limit into the future. Heroku asks for neither.
//! - The comparison of the digests is a plain one in all but `passport-heroku-sso`, which has a
//!   constant-time one of its own.
//!
//! And what they do that this crate does not: `devise-heroku-sso` and `maitre_d` set the cookie
//! `heroku-nav-data`, for a header bar that Heroku has withdrawn. Here it is set under
//! [`SsoPolicy::Legacy`](crate::SsoPolicy::Legacy) alone, for `kensa`.
//!
//! **Code of your own** is most often the same twenty lines. Look for: a fall-back from one token to a
//! weaker one when the first is *wrong*; a timestamp that is parsed and printed anew before it is hashed; an
//! email that is looked up as it came; the `id` of a user of yours in the session, with nothing that ends
//! it.
//!
//! # The way over
//! ### 1. Which forms your resources are sent
//! Resources that were provisioned by version 3 of the Partner API come with `resource_id`. If yours have
//! ids of your own from version 1, register them with that id
//! ([`register_legacy`](crate::HerokuSso::register_legacy)); under
//! [`SsoPolicy::Legacy`](crate::SsoPolicy::Legacy) forms with `id` and `token` alone find their way by it.
//!
//! ### 2. Tokens
//! A list is asked for with the resource's own OAuth tokens. If you have kept them since the provisioning,
//! hand them over:
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
//!         let registered = sso.register(&row.resource, OauthGrant::Tokens(tokens)).await;
//!         if registered.is_err() || sso.refresh_now(&row.resource).await.is_err() {
//!             in_need.push(row.resource); // look at the error: not each is about the tokens
//!         }
//!     }
//!     in_need
//! }
//! ```
//!
//! It may be run again: tokens count only if they end later than those that are there. Run it against the
//! [store](crate::guide::deploying) that you will keep, never against one in memory. **Then have your old code
//! stop renewing**: with a renewal Heroku may end the refresh token before it, and whoever still has that one
//! is out. For calls of your own take [`HerokuSso::access_token`](crate::HerokuSso::access_token).
//!
//! Without tokens there is no list, and the resource answers 503. A code of the provisioning request works
//! once and for five minutes, so it is of no use later: ask Heroku's partner support for new grants, and
//! register each with [`OauthGrant::Code`](crate::OauthGrant::Code).
//!
//! ### 3. Paths
//! Keep your `sso_url` by [`Config::sso_path`](crate::Config::sso_path), for example `/sso/login`. Forms by GET
//! to `/heroku/resources/:id`, from before there was an `sso_url`, are taken under
//! [`SsoPolicy::Legacy`](crate::SsoPolicy::Legacy) alone, by the gate and by
//! [`partner_api`](crate::HerokuSso::partner_api): give the manifest an `sso_url`. If you answer the Partner API yourself, leave [`partner_api`](crate::HerokuSso::partner_api) out, merge
//! [`endpoints`](crate::HerokuSso::endpoints), and call [`register`](crate::HerokuSso::register) and
//! [`deprovision`](crate::HerokuSso::deprovision) in your own handlers.
//!
//! ### 4. Sessions
//! Those of your old code cannot become sessions of the gate: they do not say whose word they rest on.
//!
//! - **End them with the release**, which is what we would do. Everybody gets a page once that says to open
//!   the add-on from Heroku's dashboard, and from then on is led there and back. The cookies have other
//!   names, so nothing collides; delete the old check in the same release, or the old cookie goes on being
//!   believed wherever the gate is not.
//! - **Or let them run out.** Put [`identify_layer`](crate::HerokuSso::identify_layer) around your routes: it
//!   lets everybody through and says who has come by the new way. Your old check stands behind it for the
//!   rest. After the longest life of an old session, put [`layer`](crate::HerokuSso::layer) in its place.
//!   Until that day nothing is gated.
//!
//! ### 5. Users
//! Rows of your user table that were made by sign-ins hold whatever email a form had. Let
//! [`HerokuSso::changes`](crate::HerokuSso::changes) make them from now on: a snapshot of each list comes
//! first, and with it what to delete.
//!
//! ### 6. An app that is not in Rust
//! Leave it where it is, and put the gate before it: the example `proxy` of this crate forwards what has
//! passed, with a signed header that says who it is ([`assertion`](crate::assertion)). In Rails or Express,
//! checking that JWT takes the place of the strategy. Bind the app to loopback, so that nobody gets around
//! the gate.
//!
//! [`devise-heroku-sso`]: https://github.com/adorableio/devise-heroku-sso
//! [`maitre_d`]: https://github.com/flying-sphinx/maitre_d
//! [`passport-heroku-addon`]: https://github.com/auth0/passport-heroku-addon
//! [`passport-heroku-sso`]: https://github.com/camshaft/passport-heroku-sso
//! [`sudo-sandwich`]: https://github.com/heroku/sudo-sandwich
