//! The simulated Heroku over HTTP, and compared with Heroku's schema.

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
