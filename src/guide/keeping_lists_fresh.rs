//! How the lists stay fresh: when each is fetched, what that costs at Heroku, and what webhooks add.
//!
//! [`spawn_sync`](crate::HerokuSso::spawn_sync) starts one task that keeps the list of every registered
//! resource fresh. [How old a list may be](crate::guide::how_it_decides#how-old-a-list-may-be) has the limits
//! that it works towards.
//!
//! # When a list is fetched
//! - **In use or idle.** The list of a [resource in use](crate::guide::how_it_decides#when-a-session-ends) is
//!   fetched every [`refresh_interval`](crate::HerokuSsoBuilder::refresh_interval), all others every
//!   [`idle_interval`](crate::HerokuSsoBuilder::idle_interval).
//! - **Early, at random.** Each fetch is 10 to 30 % early, so that the fetches of a large fleet are spread
//!   out. When calls are scarce, it is 5 to 10 % early.
//! - **Again after a failure.** A failed fetch is retried after 1 s, 2 s, 4 s, up to a minute. At random, the
//!   pause is up to half shorter.
//! - **Immediately for a request.** A sign-in, or a request whose list is too old, never waits in this queue.
//! - **After a restart, only if due.** With a durable [store](crate::guide::deploying) the lists are loaded with their
//!   age, and only lists that are due are fetched.
//!
//! # What a list costs
//! The first fetch takes three round trips. A refresh takes one, with three concurrent calls. The members of a
//! team are fetched once per interval, with the token of any of its resources, and shared by all of its apps.
//! For unchanged data Heroku answers 304, without a body; that is a call, too.
//!
//! # The rate limit
//! The last `RateLimit-Remaining` of any answer sets the pace. Fetches leave a part of the pool for those that
//! are more urgent:
//!
//! | a fetch for | leaves |
//! | --- | --- |
//! | an idle list | a half; a quarter once it is overdue |
//! | a list in use, without a request within the last `refresh_interval` | a tenth |
//! | a list in use, with such a request | a fiftieth |
//! | a waiting request | nothing |
//!
//! Heroku does not document whether resources share a pool. If you know that they do not, set
//! [`RatePools::PerToken`](crate::RatePools::PerToken). If the limit is too low for the fleet, an error event
//! (`sync_lagging`), a metric and [`Health::lagging`](crate::Health::lagging) report it. Then make `idle_interval`
//! longer: [how many resources](crate::guide::options#how-many-resources) has the numbers.
//!
//! # Tokens
//! A resource's access token is renewed 15 to 30 minutes before it expires. If Heroku refuses the refresh
//! token, an audit event (`needs_grant`), a metric and
//! [`needing_grant`](crate::Resources::needing_grant) report it: register the resource with a new grant.
//!
//! # Webhooks
//! With webhooks, the removal of a collaborator takes effect within a second. Two variables turn them on:
//!
//! - `HEROKU_WEBHOOK_SECRET`, 32 random bytes of your choice, makes
//!   [`protect`](crate::HerokuSso::protect) and [`partner_api`](crate::Routes::partner_api) accept
//!   `POST /heroku/webhooks`. With [`layer`](crate::HerokuSso::layer) and without `partner_api`, merge
//!   [`webhooks`](crate::Routes::webhooks).
//! - `HEROKU_WEBHOOK_URL`, the public address of that route, subscribes each add-on at Heroku. Below a `nest`,
//!   the route of `protect` has the prefix.
//!
//! In code they are [`Webhooks::new`](crate::Webhooks::new) and
//! [`subscribe_at`](crate::Webhooks::subscribe_at).
//!
//! A notification only triggers a fetch, within a budget, and is never an answer: it is signed but not dated,
//! and may come twice, late or out of order. A collaborator who may have been removed waits for the fetch.
//! Heroku sends no webhook for team members, so their lists are polled.
//!
//! # Your own user table
//! [`Changes`](crate::sync::Changes) yields each list once, and then every change to it.
