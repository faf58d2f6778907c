//! Put an existing axum app behind the gate.
//!
//! # Before
//! An app on axum 0.8, whose dashboard is open to anyone who knows its address:
//!
//! ```no_run
//! use axum::{Router, routing::get};
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let app = Router::new().route("/", get(dashboard));
//!     axum::serve(tokio::net::TcpListener::bind("0.0.0.0:3000").await?, app).await
//! }
//!
//! async fn dashboard() -> &'static str {
//!     "Your queues"
//! }
//! ```
//!
//! # 1. The dependencies
//! ```toml
//! [dependencies]
//! axum = "0.8"
//! tokio = { version = "1", features = ["full"] }
//! tower-heroku-sso = "0.1"
//! tracing-subscriber = "0.3" # or another reader of `tracing` events: rejections are explained there
//! # Some examples in these pages also need `http = "1"` (or write `axum::http`) and `serde_json = "1"`.
//!
//! [dev-dependencies]
//! heroku-addon-simulator = "0.1"
//! tower = { version = "0.5", features = ["util"] }
//! ```
//!
//! # 2. The gate
//! ```no_run
//! use axum::{Router, routing::get};
//! use tower_heroku_sso::{HerokuSso, HerokuUser, partner_api::NoProvisioning};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     tracing_subscriber::fmt::init();
//!     let sso = HerokuSso::from_env().await?;
//!     let _sync = sso.spawn_sync(); // keeps the lists fresh until it is dropped
//!     axum::serve(tokio::net::TcpListener::bind("0.0.0.0:3000").await?, app(&sso)).await?;
//!     Ok(())
//! }
//!
//! fn app(sso: &HerokuSso) -> Router {
//!     sso.protect(Router::new().route("/", get(dashboard))) // everything in it is behind the gate
//!         .merge(sso.routes().partner_api(NoProvisioning)) // what Heroku calls: outside
//!         .route("/healthz", sso.routes().healthz()) // what your platform calls: outside
//! }
//!
//! async fn dashboard(user: HerokuUser) -> String {
//!     format!("Queues of {}, for {}", user.app().name, user.email())
//! }
//! ```
//!
//! Three things to know about these lines:
//!
//! - **`protect` guards the router that it gets**: routes, fallback and middleware. Only what you add to its
//!   result is open. It also has the SSO path and the sign-out path. See
//!   [`protect`](crate::HerokuSso::protect). If the router needs state, call `with_state` on it first.
//! - **`partner_api` is outside.** Heroku calls it with its own password and has no session.
//! - **`_sync`, not `_`.** A dropped handle stops the sync immediately. Then lists are fetched only while a
//!   request waits for them, sessions end after ten minutes without requests, and a warning says why.
//!
//! State is in memory until `DATABASE_URL` names a store: see [`deploying`](crate::guide::deploying) before
//! customers come. If your app already has a `DATABASE_URL`, the gate uses it: turn on the feature `postgres`
//! or `sqlite`, and set `TOKEN_ENCRYPTION_KEY`. To keep the gate out of it, hide that variable from it:
//!
//! ```
//! use tower_heroku_sso::HerokuSso;
//!
//! let builder = HerokuSso::builder_from_vars(|name| match name {
//!     "DATABASE_URL" => std::env::var("SSO_DATABASE_URL").ok(), // none: in memory
//!     name => std::env::var(name).ok(),
//! });
//! # let _ = builder;
//! ```
//!
//! Without axum (`default-features = false`), [`layer`](crate::HerokuSso::layer) wraps any [`tower::Service`]
//! that is `Clone`, takes an `http::Request` and answers with an `http::Response`. The user is in the
//! request's extensions.
//!
//! # 3. The manifest
//! In the add-on's manifest, as you push it to Heroku:
//!
//! ```json
//! {
//!   "id": "acme-queues",
//!   "name": "Acme Queues",
//!   "api": {
//!     "version": "3",
//!     "password": "…",
//!     "sso_salt": "…",
//!     "regions": ["us", "eu"],
//!     "config_vars_prefix": "ACME_QUEUES",
//!     "config_vars": ["ACME_QUEUES_URL"],
//!     "production": {
//!       "base_url": "https://queues.example.com/heroku/resources",
//!       "sso_url": "https://queues.example.com/heroku/sso"
//!     }
//!   }
//! }
//! ```
//!
//! `sso_url` is your host and [`sso_path`](crate::HerokuSsoBuilder::sso_path). `base_url` is your host and
//! `/heroku/resources`; the path is fixed. Both must be https.
//!
//! # 4. The variables
//! | variable | from |
//! | --- | --- |
//! | `HEROKU_ADDON_SLUG` | the manifest's `id` |
//! | `HEROKU_ADDON_PASSWORD` | the manifest's `api.password` |
//! | `HEROKU_SSO_SALT` | the manifest's `api.sso_salt` |
//! | `HEROKU_CLIENT_SECRET` | the add-on's page in the Partner Portal |
//!
//! [`HerokuSso::from_env`](crate::HerokuSso::from_env) returns an error if one of them is missing or is a
//! placeholder. All [other variables](crate::guide::options#from-the-environment) have defaults.
//!
//! # 5. See it work
//! Heroku cannot reach your own machine, so run a simulator there. Put this into `examples/heroku.rs` of your
//! crate:
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use heroku_addon_simulator::Simulator;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let heroku = Simulator::builder()
//!         .bind("127.0.0.1:3001".parse()?)
//!         .partner_url("http://127.0.0.1:3000") // your app
//!         .start()
//!         .await?;
//!     heroku.demo(); // some apps, a team, and their people
//!     println!("export INSECURE_COOKIES=1 EXPLAIN_REJECTIONS=1 REFRESH_INTERVAL_SECS=30");
//!     println!("export HEROKU_API_URL={0} HEROKU_ID_URL={0}", heroku.url());
//!     println!("export HEROKU_ADDON_SLUG={}", heroku.slug());
//!     println!("export HEROKU_ADDON_PASSWORD={}", heroku.password());
//!     println!("export HEROKU_SSO_SALT={}", heroku.sso_salt());
//!     println!("export HEROKU_CLIENT_SECRET={}", heroku.client_secret());
//!     eprintln!("open {}", heroku.dashboard_url());
//!     tokio::signal::ctrl_c().await?;
//!     Ok(())
//! }
//! ```
//!
//! Run `cargo run --example heroku`, paste the lines with `export` into another terminal, and run your app
//! there.
//! Then, at the simulator's page:
//!
//! 1. *Provision* an add-on. The simulator calls your `/heroku/resources`, as Heroku would, and your
//!    process exchanges the grant code for tokens before it answers.
//! 2. *Open add-on* as one of the app's users. Your browser posts the signed form to `/heroku/sso`, and you
//!    are signed in.
//! 3. *Remove* that user, and keep reloading your dashboard. At the next refresh, within half a minute, you
//!    get a 403, and the page says why.
//!
//! Without a browser, such as on a server, do the same in a test:
//! [Remove Bob, let time pass, expect 403](crate::guide::testing_your_app#remove-bob-let-time-pass-expect-403).
//!
//! The simulator's secrets are new at each start, and your process keeps all state in memory. So when you
//! restart either, restart both, or give your app a store: see [`deploying`](crate::guide::deploying).
//!
//! # Only a part of the site
//! Nest what `protect` returns. Then all paths of the gate are below the prefix, such as the `sso_url`
//! `https://queues.example.com/customers/heroku/sso`, and the landing page is `/customers`:
//!
//! ```
//! use axum::{Router, routing::get};
//! use tower_heroku_sso::{HerokuSso, Require, Role};
//!
//! fn site(sso: &HerokuSso) -> Router {
//!     let owners = Router::new()
//!         .route("/billing", get(|| async { "for owners" }))
//!         .route_layer(Require::role(Role::Owner));
//!     let customers = Router::new()
//!         .route("/", get(|| async { "for customers" }))
//!         .merge(owners);
//!     Router::new()
//!         .route("/", get(|| async { "for everybody" }))
//!         .nest("/customers", sso.protect(customers))
//!         .fallback(|| async { "not found" })
//! }
//! # let _ = site;
//! ```
//!
//! Below the prefix every path is behind the gate, also one that has no route. Merge
//! [`partner_api`](crate::Routes::partner_api) at the root, as Heroku's path is fixed, and change the manifest's
//! `sso_url`: the root's `/heroku/sso` signs in too, but lands on `/`.
//!
//! # Middleware
//! Middleware of the protected router runs for admitted requests only. Middleware that must see rejected
//! requests too, such as a request log, goes around what `protect` returns. Middleware that changes paths
//! before they are routed goes inside, around a router of its own:
//!
//! ```
//! use axum::Router;
//! use tower::Layer;
//! # fn app(sso: &tower_heroku_sso::HerokuSso, router: Router) -> Router {
//! # let (trim_slashes, request_log) = (tower::layer::util::Identity::new(), tower::layer::util::Identity::new());
//! let trimmed = Router::new().fallback_service(trim_slashes.layer(router));
//! sso.protect(trimmed).layer(request_log)
//! # }
//! ```
//!
//! # If you answer provisioning yourself
//! Leave `partner_api` out. Register each resource once, in your own provisioning handler, with
//! [`OauthGrant::Code`](crate::OauthGrant::Code). Resources that you already have are registered with
//! [`OauthGrant::Tokens`](crate::OauthGrant::Tokens): see
//! [`coming_from`](crate::guide::coming_from#2-import-the-tokens). [`deprovision`](crate::Resources::deprovision) ends a
//! resource permanently.
//!
//! ```
//! use axum::Router;
//! use tower_heroku_sso::{HerokuSso, OauthGrant, RegisterError, ResourceId};
//!
//! fn app(sso: &HerokuSso, dashboard: Router) -> Router {
//!     sso.protect(dashboard) // and merge your own provisioning routes
//! }
//!
//! // `code` is `oauth_grant.code` of Heroku's request.
//! async fn provisioned(sso: &HerokuSso, id: ResourceId, code: String) -> Result<(), RegisterError> {
//!     sso.resources().register(&id, OauthGrant::Code(code.into())).await
//! }
//! # let _ = (app, provisioned);
//! ```
//!
//! # Next steps
//! - several dashboards in one browser: [`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path);
//! - roles and permissions: [`Require::any_of`](crate::Require::any_of),
//!   [`Require::permission`](crate::Require::permission), [`RequireRole`](crate::extract::RequireRole);
//! - a test of your set-up: [`testing_your_app`](crate::guide::testing_your_app);
//! - before production: [`deploying`](crate::guide::deploying).
