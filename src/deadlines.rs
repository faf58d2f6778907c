//! How long the crate waits for what is outside of it: one constant for each deadline, of real time.
//!
//! `SECURITY.md` has the table of what is waited for, and what happens when a deadline has passed.
//! `tests/repository/deadlines.rs` fails for an `.await` of something outside that has none.

use std::time::Duration;

/// All that the gate does for one request before the wrapped service is called, or in place of it: a
/// check, a sign-in with its form, a sign-out, a webhook, and its own part of a call of the Partner API.
/// Less than the 30 s after which Heroku's router gives up.
pub(crate) const REQUEST: Duration = Duration::from_secs(15);

/// Reading the body of a form, a webhook or a call of the Partner API: some kilobytes at most.
pub(crate) const REQUEST_BODY: Duration = Duration::from_secs(10);

/// The part of a sign-in's time in which a newer list is waited for. The rest is for letting the person
/// in by the list that there is.
pub(crate) const SIGN_IN_FETCH: f64 = 0.8;

/// The same of a request with a session.
pub(crate) const SESSION_FETCH: f64 = 0.6;

/// A store's health, for a route that whoever watches this process asks: it is to tell, not to wait.
#[cfg(feature = "axum")]
pub(crate) const HEALTH: Duration = Duration::from_secs(5);

/// One call of a [`Store`](crate::store::Store): a row or a few.
pub(crate) const STORE_CALL: Duration = Duration::from_secs(5);

/// A page of the resources that are read at the start: a thousand of them, with their lists.
pub(crate) const STORE_PAGE: Duration = Duration::from_secs(15);

/// One call of a session store.
pub(crate) const SESSION_STORE_CALL: Duration = Duration::from_secs(5);

/// A look at a session's record where a copy of it is at hand.
pub(crate) const SESSION_STORE_RECHECK: Duration = Duration::from_secs(2);

/// How long a refusal waits for its session to be closed. It is closed in this process before.
pub(crate) const SESSION_CLOSING: Duration = Duration::from_secs(2);

/// One sweep of a session store. It may delete as many rows as have ended since the last one, and nobody
/// waits for it.
pub(crate) const SESSION_SWEEP: Duration = Duration::from_secs(5 * 60);

/// A whole list of Heroku's, for the schedule: its slot in the sync is free again.
pub(crate) const LIST: Duration = Duration::from_secs(60);

/// Connecting to Heroku, within [`Config::heroku_timeout`](crate::Config::heroku_timeout) for a call.
pub(crate) const HEROKU_CONNECT: Duration = Duration::from_secs(3);

/// Between two pieces of one answer of Heroku's.
pub(crate) const HEROKU_READ: Duration = Duration::from_secs(5);

/// A change of one resource's registration in this process, for the one before it.
pub(crate) const REGISTRATION_TURN: Duration = Duration::from_secs(10);

/// A registration that trades a grant, for another process that does or that renews the token.
pub(crate) const REGISTRATION_LEASE: Duration = Duration::from_secs(10);

/// A call of the Partner API, for the one before it about the same resource: in this process, and again
/// for another process.
pub(crate) const PARTNER_TURN: Duration = Duration::from_secs(10);

/// The renewal of a token, for another process that renews it.
pub(crate) const TOKEN_LEASE: Duration = Duration::from_secs(5);

/// Asking for a team's members, for another process that asks.
pub(crate) const MEMBERS_LEASE: Duration = Duration::from_secs(2);

/// One call of the Postgres store's database, where no caller has a shorter deadline: opening, sealing
/// anew, sweeping, looking for changes.
#[cfg(feature = "postgres")]
pub(crate) const DATABASE_CALL: Duration = Duration::from_secs(10);

/// A free connection to that database. Less than [`STORE_CALL`], so that the error says which it was.
#[cfg(feature = "postgres")]
pub(crate) const DATABASE_CONNECTION: Duration = Duration::from_secs(3);

/// Bringing its tables up to date, at the start: waiting for others that do it, and the longest migration.
#[cfg(feature = "postgres")]
pub(crate) const DATABASE_MIGRATION: Duration = Duration::from_secs(5 * 60);

/// The first connection, at the start.
#[cfg(feature = "postgres")]
pub(crate) const DATABASE_START: Duration = Duration::from_secs(10);
