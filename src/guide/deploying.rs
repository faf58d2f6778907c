//! What to have in place before customers come.
//!
//! This is the short form. [DEPLOYING.md] has the whole set-up, with commands that a test of the crate
//! runs: variables, connections, how keys are changed, backups, and what happens when which part is down.
//!
//! # The list
//! 1. **A store that outlives the process.** A grant code works once and for five minutes. What is in
//!    memory is gone with the process, and only a new grant from Heroku brings a resource back. So begin
//!    with [`PostgresStore`](crate::store::PostgresStore), or with
//!    [`SqliteStore`](crate::store::SqliteStore) on one machine whose disk stays. A dyno's disk does not.
//! 2. **A session store**, if a restart is not to sign everybody out: one of the tower-sessions 0.14 line,
//!    or none at all with [`stateless`](crate::HerokuSsoBuilder::stateless).
//! 3. **`TOKEN_ENCRYPTION_KEY`**, 32 random bytes in base64, kept somewhere else than the backups.
//! 4. **`spawn_sync()` in every process**, its handle kept, and
//!    [`shutdown`](crate::sync::SyncHandle::shutdown) called at SIGTERM: it finishes what is under way, so
//!    that no token that is being renewed is lost.
//! 5. **https**, ended by whatever stands in front of you: the session cookie is `Secure`.
//! 6. **A clock that is right**, as forms are good for five minutes.
//! 7. **A direct connection to Postgres**, with TLS; or `PostgresOptions::transaction_pooler` behind a pooler in
//!    transaction mode.
//! 8. **Alerts**: see [`observing`](crate::guide::observing).
//!
//! # In one piece
//! Features `postgres` and `jwt`, no session store:
//!
#![cfg_attr(all(feature = "postgres", feature = "jwt"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "postgres", feature = "jwt")), doc = "```ignore")]
//! use tower_heroku_sso::session_keys_from_env;
//! use tower_heroku_sso::partner_api::NoProvisioning;
//! use tower_heroku_sso::store::{PostgresStore, SealingKeys};
//! use tower_heroku_sso::{Config, HerokuSso, Manifest};
//!
//! # fn dashboard() -> axum::Router { axum::Router::new() }
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let url = std::env::var("DATABASE_URL").expect("DATABASE_URL");
//! let sso = HerokuSso::builder(Manifest::from_env()?)
//!     .config(Config::from_env()?)
//!     .store(PostgresStore::connect(&url, SealingKeys::from_env()?).await?)
//!     .stateless(session_keys_from_env()?) // SESSION_KEY
//!     .build()?;
//! let sync = sso.spawn_sync();
//!
//! let app = dashboard()
//!     .layer(sso.layer())
//!     .merge(sso.partner_api(NoProvisioning))
//!     .route("/healthz", sso.healthz())
//!     .route("/readyz", sso.readyz());
//! let port = std::env::var("PORT")?.parse()?;
//! let listener = tokio::net::TcpListener::bind(("0.0.0.0", port)).await?;
//! let terminated = async {
//!     let kind = tokio::signal::unix::SignalKind::terminate();
//!     tokio::signal::unix::signal(kind).expect("a signal handler").recv().await;
//! };
//! axum::serve(listener, app).with_graceful_shutdown(terminated).await?;
//! sync.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Several processes
//! On one `PostgresStore` they fetch each list and renew each token once between them, use each form once,
//! and obey each other's removals, sign-outs and revocations within a second. Nothing needs to be set for
//! it, and no load balancer needs sticky sessions. On stores of their own, processes know nothing of each
//! other: a form counts once in each, and each renews tokens that Heroku may then refuse to the others.
//!
//! # After a release that went wrong
//! The tables of a newer version do an older one no harm, so that a release can be taken back. Sessions of
//! another version are not read: those people are led through Heroku once.
//!
//! [DEPLOYING.md]: https://docs.rs/crate/tower-heroku-sso/latest/source/DEPLOYING.md
