//! The simulated Heroku, seen from outside: over its sockets, and against Heroku's own schema.

mod attachments;
mod client;
mod clock;
mod dashboard;
mod fleet;
mod heroku;
mod not_modified;
mod notifications;
mod provisioning;
mod rates;
mod schema;
mod webhooks;
