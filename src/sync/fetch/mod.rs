//! Calls to Heroku for lists, members and webhook subscriptions.

mod attached;
pub(in crate::sync) mod change_hint;
pub(in crate::sync) mod conditional_request;
pub(in crate::sync) mod fetcher;
pub(in crate::sync) mod resolve_list;
pub(in crate::sync) mod team_members;
pub(in crate::sync) mod webhook_subscription;
