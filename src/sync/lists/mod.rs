//! The cached lists, and what is recorded about each resource and team. No I/O.

pub(in crate::sync) mod absence_mark;
pub(in crate::sync) mod as_of;
pub(in crate::sync) mod cached_list;
pub(in crate::sync) mod closed_sessions;
pub(in crate::sync) mod entry;
pub(in crate::sync) mod generation;
pub(in crate::sync) mod list_event;
pub(in crate::sync) mod open_responses;
pub(in crate::sync) mod replace;
pub(in crate::sync) mod revoke;
pub(in crate::sync) mod team;
