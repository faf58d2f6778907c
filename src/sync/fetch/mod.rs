//! Calls to Heroku for lists, members and webhook subscriptions.

pub(in crate::sync) mod answer;
mod attached;
pub(in crate::sync) mod change_hint;
pub(in crate::sync) mod fetcher;
pub(in crate::sync) mod members;
pub(in crate::sync) mod resolve;
pub(in crate::sync) mod webhook_subscription;
