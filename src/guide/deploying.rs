//! What to set up before production.
//!
//! This is the short form. [DEPLOYING.md] has the whole set-up, with commands that a test of the crate
//! runs: variables, connections, key rotation, backups, and failure modes.
//!
//! # The list
//! 1. **A store that outlives the process.** A grant code works once and for five minutes. State in memory
//!    is lost with the process, and only a new grant from Heroku restores a resource. So begin with
//!    [`PostgresStore`](crate::store::PostgresStore), or with [`SqliteStore`](crate::store::SqliteStore) on
//!    one machine with a persistent disk. A dyno's disk is not persistent.
//! 2. **Nothing for sessions**: they are in the same store, as hashes. Any store for tower-sessions 0.14
//!    ([`session_store`](crate::HerokuSsoBuilder::session_store)) or signed cookies
//!    ([`CookieSessions`](crate::CookieSessions)) can replace that, but such sessions cannot be listed.
//! 3. **`TOKEN_ENCRYPTION_KEY`**, 32 random bytes in base64, kept separately from the backups.
//! 4. **`spawn_sync()` in every process**, its handle kept, and
//!    [`shutdown`](crate::sync::SyncHandle::shutdown) called at SIGTERM: it finishes the work in progress,
//!    so that no token is lost during its renewal.
//! 5. **https**, terminated by the proxy in front of your process: the session cookie is `Secure`.
//! 6. **A correct clock**, as forms are valid for five minutes.
//! 7. **A direct connection to Postgres**, with TLS; or `PostgresOptions::transaction_pooler` behind a pooler
//!    in transaction mode.
//! 8. **Alerts**: see [`observing`](crate::guide::observing).
//!
//! # A complete example
//! Feature `postgres`:
//!
#![cfg_attr(all(feature = "postgres", feature = "axum"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "postgres", feature = "axum")), doc = "```ignore")]
//! use tower_heroku_sso::HerokuSso;
//! use tower_heroku_sso::partner_api::NoProvisioning;
//!
//! # fn dashboard() -> axum::Router { axum::Router::new() }
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sso = HerokuSso::from_env().await?; // with DATABASE_URL and TOKEN_ENCRYPTION_KEY
//! let sync = sso.spawn_sync();
//!
//! let app = sso
//!     .protect(dashboard())
//!     .merge(sso.routes().partner_api(NoProvisioning))
//!     .route("/healthz", sso.routes().healthz())
//!     .route("/readyz", sso.routes().readyz());
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
//! Processes on one `PostgresStore` share the work: each list is fetched once, each token renewed once, and
//! each form accepted once for all of them. Each process applies the removals, sign-outs and revocations of
//! the others within a second. This needs no setting, and load balancers need no sticky sessions. Processes
//! on separate stores know nothing of each other. Each accepts the same form once, and each renews tokens,
//! which Heroku may then refuse to the others.
//!
//! # Who is signed in
//! [`Sessions::of`](crate::Sessions::of) lists the sessions of a resource, with the time of the sign-in and of
//! the last use. [`Sessions::end`](crate::Sessions::end) ends one,
//! [`Sessions::end_all`](crate::Sessions::end_all) all of a resource, in every process within a second.
//!
//! # What remains
//! DEPLOYING.md has a table of everything that the store keeps, until when, and what of it remains after
//! Heroku's DELETE. [`Lists::erase`](crate::Lists::erase) erases one person.
//!
//! # Rolling back a release
//! An older version ignores the new tables and columns of a newer one, so a release can be rolled back, and
//! runs beside it meanwhile. A session of another version is not read: its user is redirected through Heroku
//! once.
//!
//! [DEPLOYING.md]: https://docs.rs/crate/tower-heroku-sso/latest/source/DEPLOYING.md
