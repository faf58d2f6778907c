//! A store on a database of your own, and the tests that it must pass.
//!
//! [`SqliteStore`](crate::store::SqliteStore) and [`PostgresStore`](crate::store::PostgresStore) suit most
//! add-ons. If yours must keep its state elsewhere, implement [`Store`](crate::store::author::Store), and give it
//! to [`HerokuSsoBuilder::store`](crate::HerokuSsoBuilder::store).
//!
//! # What you implement
//! | trait | for | without it |
//! | --- | --- | --- |
//! | [`Store`](crate::store::author::Store) | resources, tokens, lists, used forms, closed sessions | |
//! | [`SessionRecords`](crate::store::author::SessionRecords), through [`Store::sessions`](crate::store::author::Store::sessions) | sessions | sessions are in the memory of each process, or in a given session store, and cannot be listed |
//! | [`SharedStore`](crate::store::author::SharedStore), through [`Store::shared`](crate::store::author::Store::shared) | several processes | one process only |
//!
//! # Rules
//! - **Every method is one atomic change.** A process may be killed at any moment, and a call may be dropped.
//! - **An error says that nothing is known.** Return one when the database does not answer. Never return a value
//!   that was not stored, and never an empty one in its place: the gate rejects on an error, and keeps sessions.
//! - **Sequence numbers only grow**, over all processes and restarts, and after a restored backup too.
//! - **Encrypt tokens and grant codes.** The rest is not secret, but has emails.
//! - **Order decides, not time.** An older list, revocation or registration never replaces a later one.
//!
//! # The tests
//! With the feature `store-conformance`, [`conformance`](crate::store::author::conformance) has each rule as a
//! function that panics if your store breaks it. The crate's own stores pass them all.
//!
#![cfg_attr(feature = "store-conformance", doc = "```")]
#![cfg_attr(not(feature = "store-conformance"), doc = "```ignore")]
//! use tower_heroku_sso::store::MemoryStore as MyStore;
//! use tower_heroku_sso::store::author::conformance;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // Opens a new, empty store for each rule.
//! conformance::check(async || MyStore::default()).await;
//! # }
//! ```
//!
//! A store that outlives its process has more to show:
//! [`check_restart`](crate::store::author::conformance::check_restart). Leases and events of several processes
//! have no test of this kind.
