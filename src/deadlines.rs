//! How long the crate waits for external systems, in real time. Calls to Heroku also obey
//! [`heroku_timeout`](crate::HerokuSsoBuilder::heroku_timeout).
//!
//! `SECURITY.md` has a table of everything that is waited for, and of what happens at each deadline.
//! `tests/repository/deadlines` fails for an external `.await` that has no deadline and is not on its list of
//! exceptions.

use std::time::Duration;

/// Everything that the gate does for one request before the wrapped service is called, or in its place. That
/// is a check, a sign-in with its form, a sign-out, a webhook, or the gate's own part of a Partner API call.
/// Shorter than the [30 s](https://devcenter.heroku.com/articles/request-timeout) after which Heroku's router
/// gives up.
pub(crate) const REQUEST: Duration = Duration::from_secs(15);

/// How long a request that is only observed waits for the gate's verdict, including the body of its form.
/// Afterwards it goes to the app as "undecided", and the check continues without it.
pub(crate) const OBSERVATION: Duration = Duration::from_secs(1);

/// Reading the body of a form, a webhook or a Partner API call: a few kilobytes at most.
pub(crate) const REQUEST_BODY: Duration = Duration::from_secs(10);

/// Reading and discarding the rest of a rejected request's body, so that the client receives the response.
pub(crate) const UNREAD_BODY: Duration = Duration::from_secs(5);

/// The share of a sign-in's remaining time that it waits for a newer list. The rest is for deciding by the
/// cached one.
pub(crate) const SIGN_IN_FETCH: f64 = 0.8;

/// The same share for a request with a session.
pub(crate) const SESSION_FETCH: f64 = 0.6;

/// A health check, including its read of the store. The health route answers even if the store hangs.
#[cfg(feature = "axum")]
pub(crate) const HEALTH: Duration = Duration::from_secs(5);

/// One call of a session store.
pub(crate) const SESSION_STORE_CALL: Duration = Duration::from_secs(5);

/// A look-up of a session's record, or of its closing, when a copy of the session is at hand.
pub(crate) const SESSION_STORE_RECHECK: Duration = Duration::from_secs(2);

/// How long a rejection waits for its session to be deleted from the store. This process has already closed
/// it.
pub(crate) const SESSION_CLOSING: Duration = Duration::from_secs(2);

/// One sweep of a session store. It may delete as many rows as have expired since the last sweep, and no
/// request waits for it.
pub(crate) const SESSION_SWEEP: Duration = Duration::from_secs(5 * 60);

/// One fetch of a whole list, or of a team's members. In the background, its slot is free afterwards.
pub(crate) const LIST: Duration = Duration::from_secs(60);

/// One reading of all attached apps of a resource.
pub(crate) const ATTACHED: Duration = Duration::from_secs(30);

/// Connecting to Heroku, within [`heroku_timeout`](crate::HerokuSsoBuilder::heroku_timeout) for a call.
pub(crate) const HEROKU_CONNECT: Duration = Duration::from_secs(3);

/// The longest pause while reading one of Heroku's responses.
pub(crate) const HEROKU_READ: Duration = Duration::from_secs(5);

/// Waiting for another change of the same resource in this process: its registration, its dormancy, its end.
pub(crate) const REGISTRATION_TURN: Duration = Duration::from_secs(10);

/// Waiting for another process's lease on the resource's tokens, before a grant is exchanged.
pub(crate) const REGISTRATION_LEASE: Duration = Duration::from_secs(10);

/// Waiting for another call of the partner's methods for the same resource: first one in this process, then
/// one in another. Each wait has this deadline.
pub(crate) const PARTNER_TURN: Duration = Duration::from_secs(10);

/// Waiting for another process to renew the resource's tokens.
pub(crate) const TOKEN_LEASE: Duration = Duration::from_secs(5);

/// Waiting for another process to fetch the team's members.
pub(crate) const MEMBERS_LEASE: Duration = Duration::from_secs(2);
