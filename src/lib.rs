//! An SSO gatekeeper for the dashboards of Heroku add-ons: one [`tower::Layer`] that lets only those
//! people through who are on the resource's access list now.
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
//!     .route("/healthz", get(|| async { "ok" })); // outside the gate
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # axum::serve(listener, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//! [`HerokuSso`] is what you build and keep; [`HerokuSsoBuilder`] has every setting, [`Config`] their
//! defaults and reasons. [`HerokuUser`] is who is behind a request. [`partner_api`] is what Heroku
//! calls. [`store`] has what keeps resources, tokens and lists over a restart. The `simulator` module is
//! a Heroku for your tests.
//!
//! # Features
//! | feature | what it adds | default |
//! | --- | --- | --- |
//! | `axum` | [`HerokuUser`] as an extractor, [`HerokuSso::endpoints`], [`partner_api`] | yes |
//! | `jwt` | sessions in signed cookies, bearer tokens, and [`assertion`]s for what lies behind the gate | no |
//! | `metrics` | counters, gauges and a histogram through the `metrics` facade | no |
//! | `sqlite` | [`store::SqliteStore`]: state in a file, for one process | no |
//! | `postgres` | [`store::PostgresStore`]: state that several processes share | no |
//! | `simulator` | Heroku in a box: Platform API, OAuth host, dashboard, request signer | no |
//!
//! # Logs
//! `tracing` events. No secret is ever in one, and emails are only in those of target
//! `tower_heroku_sso::audit`: `signed_in`, `sign_in_refused` (with the reason), `request_refused`,
//! `signed_out`, `revoked`, `needs_grant`, `listed`, `unlisted`, `role_changed`, `resource_gone`, `unsigned_email`.

#![warn(unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Some parts have the Partner API as their only caller.
#![cfg_attr(
    not(feature = "axum"),
    allow(dead_code, rustdoc::broken_intra_doc_links)
)]

pub mod access;
#[cfg(feature = "jwt")]
pub mod assertion;
mod audit;
#[cfg(feature = "axum")]
pub mod axum;
mod cause;
pub mod clock;
mod config;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod gate;
pub mod heroku;
mod heroku_sso;
pub mod ids;
#[cfg(feature = "jwt")]
pub mod jwt;
mod lately;
mod meter;
#[cfg(feature = "axum")]
pub mod partner_api;
pub mod secret;
mod session;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod sso;
pub mod store;
pub mod sync;
mod webhook;

pub use access::{Email, ListPolicy, Role};
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::{Config, CookieTransport, Manifest, OnExpired, SessionLife, SetupError, Streams};
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

/// The README's examples, compiled and run.
#[cfg(all(doctest, feature = "simulator"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// The programs of the page on deploying, compiled.
#[cfg(all(doctest, feature = "postgres"))]
#[doc = include_str!("../DEPLOYING.md")]
struct Deploying;
