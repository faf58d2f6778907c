//! Test your own app, against a Heroku simulator and a clock that you control.
//!
//! The crate [`heroku-addon-simulator`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/)
//! is a Heroku simulator that listens on loopback: the Platform API calls that the gate makes, the token
//! exchange, webhooks, a signer of SSO forms, and fault injection. It implements the signing formulas
//! separately and shares no code with this crate, whose own tests use it. Use it as a dev-dependency:
//!
//! ```toml
//! [dev-dependencies]
//! heroku-addon-simulator = "0.1"
//! tower = { version = "0.5", features = ["util"] }
//! ```
//!
//! # Preparation
//! Write one function that makes your router from a [`HerokuSso`](crate::HerokuSso), and call it in `main`
//! and in the tests. Then a test covers the router that you ship, including what is inside
//! `protect` and what is outside. Put it into `src/lib.rs`: tests in `tests/` cannot import from `main.rs`.
//!
//! # Remove Bob, let time pass, expect 403
//! A whole test. In your crate it is a function with `#[tokio::test]`:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use std::time::Duration;
//!
//! use axum::{Router, body::Body, http::Request, http::StatusCode, routing::get};
//! use tower::ServiceExt;
//! use heroku_addon_simulator::Simulator;
//! use tower_heroku_sso::sync::Change;
//! use tower_heroku_sso::{
//!     AddonPassword, ClientSecret, HerokuSso, HerokuUser, ManualClock, Manifest, OauthGrant, SsoSalt,
//! };
//!
//! // Yours, as `main` has it.
//! fn app(sso: &HerokuSso) -> Router {
//!     let page = async |user: HerokuUser| user.email().to_string();
//!     sso.protect(Router::new().route("/", get(page)))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A Heroku, and a gate that talks to it. Both have the test's clock.
//! let clock = ManualClock::new();
//! let heroku = Simulator::builder().clock(clock.reader()).start().await?;
//! let manifest = Manifest::new(
//!     heroku.slug(),
//!     AddonPassword::new(heroku.password())?,
//!     SsoSalt::new(heroku.sso_salt())?,
//!     ClientSecret::new(heroku.client_secret())?,
//! );
//! let sso = HerokuSso::builder(manifest)
//!     .api_url(heroku.url().parse()?)
//!     .id_url(heroku.url().parse()?)
//!     .clock(clock.clone())
//!     .build()
//!     .await?;
//! let _sync = sso.spawn_sync();
//! let app = app(&sso);
//!
//! // An app with Bob on it, and the add-on.
//! let shop = heroku.app("shop").collaborator("bob@example.com");
//! let addon = shop.addon();
//! let grant = OauthGrant::Code(addon.grant_code().into());
//! sso.resources().register(&addon.id().into(), grant).await?;
//!
//! // Bob signs in, and looks around.
//! let form = Request::post("/heroku/sso")
//!     .header("content-type", "application/x-www-form-urlencoded")
//!     .body(Body::from(addon.sign_in_form("bob@example.com").body()))?;
//! let answer = app.clone().oneshot(form).await?;
//! assert_eq!(answer.status(), StatusCode::SEE_OTHER);
//! let cookie = answer.headers()["set-cookie"].to_str()?;
//! let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
//! let visit = || Request::get("/").header("cookie", &cookie).body(Body::empty()).unwrap();
//! assert_eq!(app.clone().oneshot(visit()).await?.status(), StatusCode::OK);
//!
//! // The customer removes him, and time passes: less than one `refresh_interval`.
//! let mut changes = sso.lists().changes();
//! shop.remove("bob@example.com");
//! clock.advance(Duration::from_secs(280));
//!
//! // The sync notices. If it does not, the timeout fails the test.
//! let noticed = async {
//!     while !matches!(changes.next().await, Some(Change::Removed { .. })) {}
//! };
//! tokio::time::timeout(Duration::from_secs(20), noticed).await?;
//! assert_eq!(app.clone().oneshot(visit()).await?.status(), StatusCode::FORBIDDEN);
//! # Ok(())
//! # }
//! ```
//!
//! No test has to wait for real minutes. The sync fetches a list 10 to 30 % before its `refresh_interval` ends,
//! at random: of 300 seconds, after 210 to 270. So 280 are enough here, and a test that expects no fetch must
//! stay below 210. **Advance in steps shorter than `refresh_interval`**, and await something in between, so
//! that the sync can run. One jump of more than `in_use_for` leaves the
//! resource unused, and its sessions end with 401, as after a pause of that length. Without a sync, a
//! request itself fetches a list older than `refresh_interval`; a jump of more than `max_list_age` ends the
//! sessions.
//!
//! # When Heroku is unavailable
//! [`Fault`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/enum.Fault.html) lists
//! the faults of an answer: any status, a reset, a timeout, half a body, an endless body, a page in HTML, a
//! failing page of a list. A fault applies to one
//! [`Endpoint`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/enum.Endpoint.html) or
//! to all, for a number of calls or until it is cleared.
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! # use std::time::Duration;
//! # use axum::{Router, body::Body, http::Request, routing::get};
//! # use tower::ServiceExt;
//! # use tower_heroku_sso::{
//! #     AddonPassword, ClientSecret, HerokuSso, ManualClock, Manifest, OauthGrant, SsoSalt,
//! # };
//! use heroku_addon_simulator::{Endpoint, Fault, Simulator};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let clock = ManualClock::new();
//! # let heroku = Simulator::builder().clock(clock.reader()).start().await?;
//! # let manifest = Manifest::new(
//! #     heroku.slug(),
//! #     AddonPassword::new(heroku.password())?,
//! #     SsoSalt::new(heroku.sso_salt())?,
//! #     ClientSecret::new(heroku.client_secret())?,
//! # );
//! # let sso = HerokuSso::builder(manifest)
//! #     .api_url(heroku.url().parse()?)
//! #     .id_url(heroku.url().parse()?)
//! #     .clock(clock.clone())
//! #     .build()
//! #     .await?;
//! # let app = sso.protect(Router::new().route("/", get(|| async { "in" })));
//! # let addon = heroku.app("shop").collaborator("bob@example.com").addon();
//! # sso.resources().register(&addon.id().into(), OauthGrant::Code(addon.grant_code().into())).await?;
//! // Signs Bob in with a form that was signed now, and returns the status.
//! let sign_in = async || {
//!     let form = Request::post("/heroku/sso")
//!         .header("content-type", "application/x-www-form-urlencoded")
//!         .body(Body::from(addon.sign_in_form("bob@example.com").body()))
//!         .unwrap();
//!     app.clone().oneshot(form).await.unwrap().status().as_u16()
//! };
//! assert_eq!(sign_in().await, 303);
//!
//! heroku.faults().set(Endpoint::Any, Fault::Html503);
//! clock.advance(Duration::from_secs(301));
//! assert_eq!(sign_in().await, 303); // on the last list, which counts for ten minutes
//! clock.advance(Duration::from_secs(301));
//! assert_eq!(sign_in().await, 503); // too old now: access is unknown
//!
//! heroku.faults().clear_all();
//! assert_eq!(sign_in().await, 303); // the same form: it was not consumed
//! # Ok(())
//! # }
//! ```
//!
//! # Calls to Heroku
//! [`Simulator::calls`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.Simulator.html#method.calls):
//! [`count`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.Calls.html#method.count) counts,
//! [`requests`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.Calls.html#method.requests) lists method, path and answer of each call,
//! [`clear`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.Calls.html#method.clear)
//! clears both. So a test can assert that a page causes no call to Heroku:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! # use heroku_addon_simulator::{Endpoint, Simulator};
//! # use tower_heroku_sso::{
//! #     AddonPassword, ClientSecret, HerokuSso, Manifest, OauthGrant, SsoSalt,
//! # };
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let heroku = Simulator::start().await?;
//! # let manifest = Manifest::new(
//! #     heroku.slug(),
//! #     AddonPassword::new(heroku.password())?,
//! #     SsoSalt::new(heroku.sso_salt())?,
//! #     ClientSecret::new(heroku.client_secret())?,
//! # );
//! # let sso = HerokuSso::builder(manifest)
//! #     .api_url(heroku.url().parse()?)
//! #     .id_url(heroku.url().parse()?)
//! #     .build()
//! #     .await?;
//! # let addon = heroku.app("shop").collaborator("bob@example.com").addon();
//! # sso.resources().register(&addon.id().into(), OauthGrant::Code(addon.grant_code().into())).await?;
//! let resource = addon.id().into();
//! sso.lists().refresh(&resource).await?;
//! assert_eq!(heroku.calls().count(Endpoint::Collaborators), 1);
//!
//! heroku.calls().clear();
//! let list = sso.lists().get(&resource).await?.expect("it was fetched");
//! assert!(list.list.members().any(|member| member.email.as_str() == "bob@example.com"));
//! assert!(heroku.calls().requests().is_empty()); // the list is in memory
//! # Ok(())
//! # }
//! ```
//!
//! # A handler alone
//! [`HerokuUser::for_test`](crate::HerokuUser::for_test) makes a user for a test without gate and Heroku. Put
//! it into the extensions of the request, where the gate puts it. Extractors and role guards find it there:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Extension, Router, body::Body, http::Request, routing::get};
//! use tower::ServiceExt;
//! use tower_heroku_sso::extract::{RequireRole, role};
//! use tower_heroku_sso::{HerokuUser, ResourceId, Role};
//!
//! // Yours.
//! async fn settings(user: RequireRole<(role::Owner, role::Admin)>) -> String {
//!     format!("settings of {}", user.app().name)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let resource: ResourceId = "01234567-89ab-cdef-0123-456789abcdef".parse()?;
//! for (role, status) in [(Role::Admin, 200), (Role::Collaborator, 403)] {
//!     let user = HerokuUser::for_test("ann@example.com", resource).role(role).build();
//!     let app = Router::new().route("/settings", get(settings)).layer(Extension(user));
//!     let answer = app.oneshot(Request::get("/settings").body(Body::empty())?).await?;
//!     assert_eq!(answer.status(), status);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Such a test says nothing about the gate itself, which replaces or removes a user that it has not made.
//!
//! # A fake Heroku of your own
//! If your tests run against your own fake of Heroku, it must answer the calls below, which this crate
//! makes. All except the first have `Authorization: Bearer …` with the resource's token, and `Accept:
//! application/vnd.heroku+json; version=3`. Ids are UUIDs.
//!
//! | call | the answer | when |
//! | --- | --- | --- |
//! | `POST /oauth/token`, a form of `client_secret` and `grant_type`: `authorization_code` with `code`, or `refresh_token` with `refresh_token` | 200 or 201: `access_token`, `refresh_token` (may be missing on a refresh), `expires_in` | a resource is registered; before its token ends |
//! | `GET /addons/:id` | `id`, `name`, `app` with `id` and `name` (or `billing_entity` of type `app`), `web_url` or null | each fetch of a list |
//! | `GET /apps/:id` | `id`, `name`, `team` with `id` and `name`, or null | each fetch |
//! | `GET /apps/:id/collaborators` | a list of `role` and `user` with `id` and `email`; `permissions` of objects with a `name`, if you use permissions | each fetch |
//! | `GET /teams/:id/members` | a list of `email`, `role` and `user` with `id` | each fetch of an app that has a team |
//! | `GET /addons/:id/webhooks`, `POST /addons/:id/webhooks`, `PATCH /addons/:id/webhooks/:id`, `DELETE /addons/:id/webhooks/:id` | the subscriptions, as Heroku's reference has them | only with [`Webhooks::subscribe_at`](crate::Webhooks::subscribe_at) |
//!
//! Headers: `Request-Id` on each answer, which the log includes for failed calls; `ETag`, if you answer
//! `If-None-Match` with 304; `RateLimit-Remaining`, to set the pace of calls. A list of several pages has
//! status 206 and `Next-Range`, which the crate sends back as `Range`. Errors are JSON with `id` and
//! `message`.
//!
//! In the other direction, the fake calls `POST /heroku/resources`, `PUT` and `DELETE
//! /heroku/resources/:uuid` with HTTP Basic. It also makes a browser post the SSO form, signed by the
//! formulas in [`sso::token`](crate::sso::token).
//!
//! # More tests worth writing
//! - **Each route that must be gated**: without a cookie it answers 401. A loop over your paths finds a
//!   route that was added to what `protect` returns instead of to the router inside.
//! - **Each role guard**: [`collaborator_as`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.App.html#method.collaborator_as), as in
//!   `.collaborator_as("ann@example.com", "admin", &["view", "deploy"])`, and
//!   [`Team::member`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.Team.html#method.member)
//!   make users in any role.
//! - **A forged form**: `form.set("user_scoped_resource_token", "0".repeat(64))` before it is
//!   posted, and expect 403.
//! - **Provisioning**: serve the router on a port, set it in the simulator
//!   ([`set_partner_url`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.Settings.html#method.set_partner_url)), and call
//!   [`AddOn::provision`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.AddOn.html#method.provision),
//!   [`change_plan`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.AddOn.html#method.change_plan),
//!   [`deprovision`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.AddOn.html#method.deprovision).
//!   Call each twice: Heroku may, too.
//! - **Webhooks**:
//!   [`Webhooks::deliver`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.Webhooks.html#method.deliver)
//!   sends the pending notifications,
//!   [`take`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.Webhooks.html#method.take)
//!   returns them, so that you can send them late, twice or altered.
//! - **The clock of a form**:
//!   [`SignIn::at`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/struct.SignIn.html#method.at)
//!   signs it at another time.
//!   Two forms for one user from the same second are identical, and the second is rejected as used.
