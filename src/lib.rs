//! An SSO gatekeeper for the dashboards of Heroku add-ons: one line around an axum router, or a
//! [`tower::Layer`] around any service, that admits only people who are on the resource's access list now.
//!
//! Heroku's customers press a button, and their browser posts a signed form to you. The signature proves
//! which resource the form is for. It does not prove that the user still has access: people join and leave
//! the customer's app and team every day. So there is one rule:
//!
//! > No request reaches your service unless its email was on a list that Heroku gave within the allowed age.
//! > When in doubt, it is rejected.
//!
//! A request reaches the wrapped service only if
//!
//! 1. its session was opened by a form that Heroku signed ([`sso`]), or by your own login
//!    ([`Sessions::admit`]),
//! 2. the user is on the newest list of that resource: the app's collaborators and its team's members
//!    ([`access`]), as Heroku gave it within the allowed age ([`sync`]),
//! 3. the session has not ended; it lasts as long as its list ([`gate`]).
//!
//! Every other request is rejected, with a page or `application/problem+json`. If Heroku is unavailable and
//! no list is young enough, the response is a 503. A failure never gives access.
//!
//! # Quick start
//! ```no_run
//! use axum::{Router, routing::get};
//! use tower_heroku_sso::{HerokuSso, HerokuUser, partner_api::NoProvisioning};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sso = HerokuSso::from_env().await?; // manifest, settings, store
//! let _sync = sso.spawn_sync();
//!
//! let dashboard = async |user: HerokuUser| format!("Hello {}", user.email());
//! let app = sso
//!     .protect(Router::new().route("/", get(dashboard))) // everything in it is behind the gate
//!     .merge(sso.routes().partner_api(NoProvisioning)) // what Heroku calls: outside
//!     .route("/healthz", sso.routes().healthz()); // outside
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # axum::serve(listener, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`guide::quick_start`] begins earlier: what goes into the manifest, which variables to set, and how to try
//! it with a simulated Heroku on your own machine.
//!
//! # The guide
//! | chapter | |
//! | --- | --- |
//! | [`quick_start`](guide::quick_start) | put an existing app behind the gate |
//! | [`how_it_decides`](guide::how_it_decides) | forms, lists, requests; why 401, why 403, why 503 |
//! | [`browsers`](guide::browsers) | caches, the way back, scripts, frames and uploads |
//! | [`keeping_lists_fresh`](guide::keeping_lists_fresh) | when each list is fetched, what that costs, and webhooks |
//! | [`options`](guide::options) | the trade-offs of each setting, and which to keep at its default |
//! | [`end_of_a_resource`](guide::end_of_a_resource) | what ends a resource, and what only suspends it |
//! | [`deploying`](guide::deploying) | what to have in place before customers come |
//! | [`testing_your_app`](guide::testing_your_app) | "remove Bob, let time pass, expect 403" |
//! | [`threats`](guide::threats) | what is defended, what is not, and what remains your responsibility |
//! | [`troubleshooting`](guide::troubleshooting) | the likeliest mistakes, by symptom |
//! | [`coming_from`](guide::coming_from) | from other packages and hand-written code |
//! | [`observing`](guide::observing) | metrics, log events, health checks |
//! | [`your_own_store`](guide::your_own_store) | a store on a database of your own |
//!
//! # By task
//! | to | see |
//! | --- | --- |
//! | know the user of a request | [`HerokuUser`] |
//! | put an axum router behind the gate | [`HerokuSso::protect`] |
//! | guard part of a site | [`HerokuSso::protect`], and [`guide::quick_start`](guide::quick_start#only-a-part-of-the-site) |
//! | greet customers on a public page | [`HerokuSso::optional_layer`] |
//! | restrict pages to some roles or permissions | [`Require::any_of`], [`Require::permission`] |
//! | offer your own login beside Heroku's | [`Sessions::admit`], [`VerifiedEmail`] |
//! | show several resources in one browser | [`HerokuSsoBuilder::resource_in_path`] |
//! | run several processes | [`store::PostgresStore`], [`guide::deploying`] |
//! | keep the state in a database of your own | [`heroku_sso_store`] |
//! | keep values of your own in a user's session | [`Sessions::layer`] |
//! | see who is signed in, and end sessions | [`Sessions::of`], [`Sessions::end`], [`Sessions::end_all`] |
//! | erase a person's data | [`Lists::erase`] |
//! | keep sessions in signed cookies | [`CookieSessions`] |
//! | admit programs by bearer tokens | [`HerokuSsoBuilder::bearer_tokens`], [`Sessions::bearer`] |
//! | pass the user to a service behind the gate | [`assertion`] |
//! | answer Heroku's provisioning calls | [`partner_api`], or [`Resources::register`] from your own handlers |
//! | show the current user on your pages | [`Routes::whoami`], [`Routes::whoami_html`] |
//! | send a colleague to a page | [`Lists::link`] |
//! | learn of removals within a second | [`guide::keeping_lists_fresh`](guide::keeping_lists_fresh#webhooks) |
//! | keep your own user table | [`Changes`](sync::Changes) |
//! | end a user's sessions now | [`Sessions::revoke`] |
//! | end streams and WebSockets in time | [`HerokuUser::ended`], [`guide::how_it_decides`] |
//! | test all this | [`heroku-addon-simulator`](https://docs.rs/heroku-addon-simulator/latest/heroku_addon_simulator/), [`ManualClock`], [`guide::testing_your_app`] |
//! | show rejections in your own pages | [`HerokuSsoBuilder::on_rejection`], [`guide::how_it_decides`](guide::how_it_decides#pages-of-your-own) |
//! | test a handler alone | [`HerokuUser::for_test`], [`guide::testing_your_app`](guide::testing_your_app#a-handler-alone) |
//! | guard a service without axum | [`gate::HerokuSsoLayer`]: any service of `http::Request`s |
//!
//! [`HerokuSso`] is what you build and keep. It leads to [`Routes`], [`Resources`], [`Lists`] and
//! [`Sessions`]. [`HerokuSsoBuilder`] has every setting, with its default and the reason for it.
//!
//! # Features
//! | feature | what it adds | default |
//! | --- | --- | --- |
//! | `axum` | [`HerokuUser`] as an extractor, also as an `Option`; routers and handlers ([`HerokuSso::routes`]); with `jwt`, [`Assertions::jwks`](assertion::Assertions::jwks) | yes |
//! | `http2` | calls to Heroku by HTTP/2; without it, by HTTP/1.1 on persistent connections | no |
//! | `jwt` | sessions in signed cookies ([`CookieSessions`]), bearer tokens ([`HerokuSsoBuilder::bearer_tokens`]), and [`assertion`]s for services behind the gate; their keys ([`jwt`]) | no |
//! | `sqlite` | [`store::SqliteStore`]: state in a file, for one process | no |
//! | `postgres` | [`store::PostgresStore`]: state that several processes share | no |
//!
//! Without `axum` the gate works too, and an admitted request has a [`HerokuUser`] in its extensions. You
//! then answer the Partner API yourself ([`Resources::register`], [`Resources::deprovision`]), and webhooks
//! are not received.
//!
//! # Logs
//! The crate emits `tracing` events. No event contains a secret, and only events of the target
//! `tower_heroku_sso::audit` contain emails. [`guide::observing`] lists them by name.

#![warn(unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Without `axum`, some code has no caller, because only the Partner API uses it.
#![cfg_attr(not(feature = "axum"), allow(dead_code))]
// The documentation here and in the guide covers all features.
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
pub mod audit;
mod config;
mod deadlines;
mod expiring_map;
#[cfg(feature = "axum")]
mod extract;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod gate;
pub mod guide;
mod handles;
pub mod heroku;
mod heroku_sso;
#[cfg(feature = "jwt")]
pub mod jwt;
mod keyed_lock;
mod lifespan;
mod meter;
#[cfg(feature = "axum")]
pub mod partner_api;
pub mod readiness;
mod request_body;
#[cfg(feature = "axum")]
mod routes;
mod secret;
mod session;
pub mod sso;
pub mod store;
pub mod sync;
mod webhook;

pub use access::list::ListPolicy;
#[doc(inline)]
pub use heroku_sso_store::{
    AppId, Clock, Email, InvalidValue, LegacyId, ManualClock, Permission, ResourceId, Role,
    SystemClock, TeamId, Tokens, UserId,
};
use heroku_sso_store::{clock, error_chain};

#[cfg(feature = "jwt")]
pub use config::BearerTokens;
pub use config::{Enforcement, Manifest, ResourceRule, SetupError};
#[cfg(feature = "axum")]
pub use extract::UserRejection;
#[cfg(feature = "jwt")]
pub use gate::bearer_token::{BearerError, BearerToken};
pub use gate::observed::{Observed, Verdict};
pub use gate::own_login::{AdmitError, SignedIn, VerifiedEmail};
pub use gate::rejection_kind::RejectionKind;
pub use gate::require::Require;
pub use gate::signed_link::LinkError;
pub use gate::user::HerokuUser;
pub use handles::{
    AccessTokenError, DeprovisionError, Import, ImportError, ImportRecord, ImportReport, Lists,
    LookupError, RefreshError, RegisterError, Resources, Sessions,
};
pub use heroku_sso::{HerokuSso, HerokuSsoBuilder};
#[cfg(feature = "axum")]
pub use routes::Routes;
pub use secret::{AddonPassword, ClientSecret, SsoSalt, WebhookSecret};
#[cfg(feature = "jwt")]
pub use session::CookieSessions;
pub use session::{MemorySessions, SessionInfo, SessionStorage, SessionsError};
pub use sso::policy::SsoPolicy;
pub use sso::verified::Proof;
pub use sync::health::Health;
pub use sync::lifecycle::register_resource::OauthGrant;
pub use webhook::Webhooks;

// These crates' types are in public signatures, so users need the same version of each.
#[doc(no_inline)]
pub use {secrecy, time, tower_sessions, url};

/// The README's example, compiled.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
