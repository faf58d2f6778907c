//! The layer: a request passes only if the list has its user.
//!
//! A request reaches the wrapped service only if
//!
//! 1. its session cookie (or bearer token) names a session that this gate opened and that has not
//!    ended: by a form that Heroku signed, or by the partner's own login,
//! 2. the newest list of that session's resource is no older than `max_list_age`, and
//! 3. that list has the session's email, and names no other Heroku account for it.
//!
//! The gate answers some paths itself, and they never reach the wrapped service. These are the SSO path, to
//! which Heroku makes the browser post, the sign-out path, and the path of programs' sign-ins, if there is
//! one. A request that fails the check is rejected, as an HTML page for a browser and as
//! `application/problem+json` for a program. The [`RejectionKind`] is in the response's extensions, so that
//! an outer layer can count it.
//!
//! A user is admitted, is removed from the list, and is then rejected:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! # use axum::{Router, body::Body, http::Request, routing::get};
//! # use tower::ServiceExt;
//! # use heroku_addon_simulator::Simulator;
//! # use tower_heroku_sso::{AddonPassword, ClientSecret, HerokuSso, Manifest, OauthGrant, SsoSalt};
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
//! # let shop = heroku.app("shop").collaborator("ann@example.com");
//! # let addon = shop.addon();
//! # let resource = addon.id().into();
//! # sso.resources().register(&resource, OauthGrant::Code(addon.grant_code().into())).await?;
//! # let form = Request::post("/heroku/sso")
//! #     .header("content-type", "application/x-www-form-urlencoded")
//! #     .body(Body::from(addon.sign_in_form("ann@example.com").body()))?;
//! let app = sso.protect(Router::new().route("/", get(|| async { "in" })));
//! # let signed_in = app.clone().oneshot(form).await?;
//! # assert_eq!(signed_in.status(), 303);
//! # let cookie = signed_in.headers()["set-cookie"].to_str()?.split(';').next().unwrap().to_owned();
//! # let anns = move || Request::get("/").header("cookie", &cookie).body(Body::empty()).unwrap();
//! let without_cookie = Request::get("/").body(Body::empty())?;
//! assert_eq!(app.clone().oneshot(without_cookie).await?.status(), 401);
//! assert_eq!(app.clone().oneshot(anns()).await?.status(), 200); // with the cookie of her session
//!
//! shop.remove("ann@example.com"); // at Heroku
//! sso.lists().refresh(&resource).await?; // or the sync does it, in time
//! assert_eq!(app.clone().oneshot(anns()).await?.status(), 403);
//! # Ok(())
//! # }
//! ```
//!
//! [`how_it_decides`](crate::guide::how_it_decides) explains each step.
//!
//! # What the layer cannot do
//! In an axum app use [`HerokuSso::protect`](crate::HerokuSso::protect), which knows the router. The layer
//! works with any service of HTTP requests, and knows only what a service shows:
//!
//! - It guards only what it wraps. A route that is added to a router *after* `.layer(...)`, or merged into it
//!   later, is outside. `merge`, `nest` and `route_layer` can also take away the fallback through which
//!   requests to the SSO path reach the gate: then merge [`Routes::sign_in`](crate::Routes::sign_in) too.
//! - It answers its own paths even if the app has a route there, such as a `/logout` of its own, and cannot
//!   warn of it.
//! - It does not end a request's body: an upload that has begun is read to its end although the user's access
//!   ends meanwhile. A handler that reads for long can stop at [`HerokuUser::ended`]. Response bodies end with
//!   access, unless [`leave_streams_open`](crate::HerokuSsoBuilder::leave_streams_open) is set.
//! - axum adds the header `Allow` to answers of a layer, so a request without a session can learn the methods
//!   of a route, and which routes there are.
//!
//! # The gate around everything
//! A router's layers run after its routing, so what changes paths must be around the router, and the gate
//! around that. A service in axum's server must answer with axum's body, which a router's fallback gives it:
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! # use axum::Router;
//! # async fn serve(sso: tower_heroku_sso::HerokuSso, router: Router) -> std::io::Result<()> {
//! # let trim_slashes = tower::layer::util::Identity::new();
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let gated = tower::ServiceBuilder::new()
//!     .layer(sso.layer()) // the gate: outermost
//!     .layer(trim_slashes) // such as tower-http's `NormalizePathLayer`
//!     .service(router);
//! axum::serve(listener, Router::new().fallback_service(gated)).await
//! # }
//! ```

mod admitted_request;
#[cfg(feature = "jwt")]
pub(crate) mod bearer_token;
mod body_access;
mod check_session;
#[cfg(feature = "jwt")]
mod cli_sign_in;
mod close_session;
mod cookies;
mod credential;
mod debug_reason;
mod html_page;
mod layer;
mod legacy_form;
mod mode;
pub(crate) mod observed;
mod observed_request;
mod observed_sign_in;
mod observer;
mod on_rejection;
mod open_link;
mod open_session;
mod origin;
mod original_uri;
#[cfg(feature = "axum")]
mod other_resource;
pub(crate) mod own_login;
mod paths;
mod read_sso_form;
mod redirect_to_heroku;
mod rejection;
mod rejection_context;
pub(crate) mod rejection_kind;
mod rejection_page;
mod rejection_record;
mod replay_body;
pub(crate) mod require;
mod require_rule;
mod response_body;
mod response_decorator;
mod response_format;
mod response_future;
mod security_headers;
mod see_other;
mod service;
mod session_handle;
mod session_layer;
mod sign_out;
pub(crate) mod signed_link;
mod sso_sign_in;
mod state;
mod target;
mod test_user;
mod unavailable;
mod unread_body;
#[cfg(feature = "axum")]
mod upload;
mod used_forms;
pub(crate) mod user;
mod verify_sso_form;

#[cfg(feature = "jwt")]
pub(crate) use bearer_token::bearer_for;
#[cfg(feature = "jwt")]
pub(crate) use bearer_token::{BearerError, BearerToken};
#[cfg(fuzzing)]
pub(crate) use cookies::{Cookies, ReturnTo};
pub use layer::HerokuSsoLayer;
#[cfg(feature = "axum")]
pub(crate) use mode::rejection_without_user;
pub(crate) use on_rejection::OnRejection;
#[cfg(feature = "axum")]
pub(crate) use on_rejection::reject;
#[cfg(feature = "axum")]
pub(crate) use other_resource::rejection_elsewhere;
pub(crate) use own_login::{AdmitError, SignedIn, VerifiedEmail, admit};
pub use rejection::Rejection;
pub(crate) use rejection_kind::RejectionKind;
#[cfg(feature = "axum")]
pub(crate) use response_body::GateBody;
pub(crate) use session_layer::SessionLayer;
pub(crate) use signed_link::{LINK_LIFE, LinkError};
pub(crate) use state::GateState;
pub use test_user::TestUser;
#[cfg(feature = "axum")]
pub(crate) use upload::Upload;
pub(crate) use user::HerokuUser;
