//! An SSO gatekeeper for the dashboards of Heroku add-ons: one [`tower::Layer`] that lets only those
//! people through who are on the resource's access list now.
//!
//! Heroku's customers press a button, and their browser posts a signed form to you. The signature proves
//! which resource the form is for. It does not tell who may still come in: people join and leave the
//! customer's app and team every day. So there is one rule:
//!
//! > No request reaches your service unless its email was on a list that Heroku gave within the allowed
//! > age. When in doubt, it is refused.
//!
//! A request reaches the wrapped service only if
//!
//! 1. its session was opened by a form that Heroku signed ([`sso`]), or by your own login
//!    ([`HerokuSso::admit`]),
//! 2. the person is on the newest list of that resource: the app's collaborators and its team's
//!    members ([`access`]), as Heroku gave it within the allowed age ([`sync`]),
//! 3. the session has not ended; it lives as long as its list ([`gate`]).
//!
//! Everybody else is refused, with a page or `application/problem+json`. When Heroku cannot be asked
//! and no list is young enough, that is a 503, never a way in.
//!
//! # Quick start
//! ```no_run
//! use axum::{Router, routing::get};
//! use tower_heroku_sso::{HerokuSso, HerokuUser, Manifest, partner_api::NoProvisioning};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sso = HerokuSso::builder(Manifest::from_env()?).build()?;
//! let _sync = sso.spawn_sync();
//!
//! let app = Router::new()
//!     .route("/", get(|user: HerokuUser| async move { format!("Hello {}", user.email()) }))
//!     .layer(sso.layer()) // the gate: everything above is behind it
//!     .merge(sso.partner_api(NoProvisioning)) // what Heroku calls
//!     .route("/healthz", sso.healthz()); // outside the gate
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # axum::serve(listener, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`guide::quick_start`] begins further ahead: what goes into the manifest, which variables to set, and a
//! Heroku on your own machine to try it with.
//!
//! # The guide
//! | chapter | |
//! | --- | --- |
//! | [`quick_start`](guide::quick_start) | from an app that you have to one behind the gate |
//! | [`how_it_decides`](guide::how_it_decides) | forms, lists, requests; why 401, why 403, why 503 |
//! | [`options`](guide::options) | what each setting trades, and which to leave alone |
//! | [`deploying`](guide::deploying) | what to have in place before customers come |
//! | [`testing_your_app`](guide::testing_your_app) | "remove Bob, let time pass, expect 403" |
//! | [`threats`](guide::threats) | what is defended, what is not, what stays yours |
//! | [`troubleshooting`](guide::troubleshooting) | the likeliest mistakes, by what you see |
//! | [`coming_from`](guide::coming_from) | from other packages and hand-written code |
//! | [`observing`](guide::observing) | metrics, log events, health checks |
//!
//! # By task
//! | to | see |
//! | --- | --- |
//! | know who is behind a request | [`HerokuUser`] |
//! | guard a part of the site | [`HerokuSso::layer`], [`HerokuSso::endpoints`], [`Config::landing_path`] |
//! | greet customers on a public page | [`HerokuSso::identify_layer`] |
//! | have pages for some roles only | [`HerokuSso::require_any`], [`extract::RequireRole`] |
//! | have a login of your own beside Heroku's | [`HerokuSso::admit`], [`VerifiedEmail`] |
//! | show several resources in one browser | [`Config::resource_in_path`] |
//! | run several processes | [`store::PostgresStore`], [`guide::deploying`] |
//! | do without a session store | [`HerokuSsoBuilder::stateless`] |
//! | let programs in by bearer tokens | [`HerokuSsoBuilder::bearer_tokens`], [`HerokuSso::bearer_for`] |
//! | tell a service behind the gate who is there | [`assertion`] |
//! | answer Heroku's provisioning calls | [`partner_api`], or [`HerokuSso::register`] from your own handlers |
//! | hear of removals within a second | [`Webhooks`] |
//! | keep a user table of your own | [`HerokuSso::changes`] |
//! | put somebody out now | [`HerokuSso::revoke`] |
//! | end streams and WebSockets in time | [`Streams`], [`HerokuUser::ended`] |
//! | test all this | [`heroku-addon-simulator`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/), [`ManualClock`], [`guide::testing_your_app`] |
//! | show refusals in pages of your own | [`gate::Refusal`], [`guide::how_it_decides`] |
//! | guard something that is not axum | [`gate::HerokuSsoLayer`]: any service of `http::Request`s |
//!
//! [`HerokuSso`] is what you build and keep; [`HerokuSsoBuilder`] has every setting, [`Config`] their
//! defaults and reasons.
//!
//! # Features
//! | feature | what it adds | default |
//! | --- | --- | --- |
//! | `axum` | [`HerokuUser`] as an extractor, also as an `Option`; [`extract::RequireRole`]; the routers [`HerokuSso::endpoints`], [`HerokuSso::partner_api`] and [`HerokuSso::webhooks`]; the handlers [`HerokuSso::healthz`], [`readyz`](HerokuSso::readyz), [`whoami`](HerokuSso::whoami), [`whoami_html`](HerokuSso::whoami_html); with `jwt`, [`Assertions::jwks`](assertion::Assertions::jwks) | yes |
//! | `http2` | calls to Heroku by HTTP/2; without it, by HTTP/1.1 on connections that are kept | no |
//! | `jwt` | sessions in signed cookies ([`HerokuSsoBuilder::stateless`]), bearer tokens ([`HerokuSsoBuilder::bearer_tokens`]), and [`assertion`]s for what lies behind the gate; their keys ([`jwt`]) | no |
//! | `sqlite` | [`store::SqliteStore`]: state in a file, for one process | no |
//! | `postgres` | [`store::PostgresStore`]: state that several processes share | no |
//!
//! Without `axum` the gate is there all the same, and a request that passes has a [`HerokuUser`] in its
//! extensions. The Partner API is then yours to answer ([`HerokuSso::register`], [`HerokuSso::deprovision`]), and
//! webhooks are not received.
//!
//! # Logs
//! `tracing` events. No secret is ever in one, and emails are only in those of target
//! `tower_heroku_sso::audit`. [`guide::observing`] lists them by name.

#![warn(unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Some parts have the Partner API as their only caller.
#![cfg_attr(not(feature = "axum"), allow(dead_code))]
// The words here and in the guide are about all features.
#![cfg_attr(
    not(all(
        feature = "axum",
        feature = "jwt",
        feature = "postgres",
        feature = "sqlite"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]

pub mod access;
#[cfg(feature = "jwt")]
pub mod assertion;
mod audit;
mod cause;
pub mod clock;
mod config;
mod deadlines;
mod expiring_map;
#[cfg(feature = "axum")]
pub mod extract;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod gate;
pub mod guide;
pub mod heroku;
mod heroku_sso;
pub mod ids;
#[cfg(feature = "jwt")]
pub mod jwt;
mod lifespan;
mod meter;
#[cfg(feature = "axum")]
pub mod partner_api;
mod request_body;
#[cfg(feature = "axum")]
mod routes;
pub mod secret;
mod session;
pub mod sso;
pub mod store;
pub mod sync;
mod webhook;

pub use access::{Email, ListPolicy, Role};
pub use clock::{Clock, ManualClock, SystemClock};
#[cfg(feature = "jwt")]
pub use config::session_keys_from_env;
pub use config::{
    Config, CookieTransport, Manifest, MissingVariable, OnExpired, SessionLife, SetupError, Streams,
};
pub use gate::{AdmitError, HerokuUser, RefusalKind, SignedIn, VerifiedEmail};
#[cfg(feature = "jwt")]
pub use gate::{BearerError, BearerToken};
pub use heroku_sso::{HerokuSso, HerokuSsoBuilder};
pub use ids::ResourceId;
pub use secret::{AddonPassword, ClientSecret, SsoSalt, Tokens, WeakSecret, WebhookSecret};
pub use session::{MemorySessions, SweepHandle};
pub use sso::{Proof, SsoPolicy};
pub use sync::{Health, OauthGrant, RatePools, SyncScope};
pub use webhook::Webhooks;

// Types of these are in signatures; one version of each is the right one.
#[doc(no_inline)]
pub use {secrecy, time, tower_sessions, url};
