//! What is known about one resource and about one team. No I/O.

pub(in crate::sync) mod absence_mark;
pub(in crate::sync) mod as_of;
pub(in crate::sync) mod attached_part;
pub(in crate::sync) mod attempts;
pub(in crate::sync) mod budgets;
pub(in crate::sync) mod cached_list;
pub(in crate::sync) mod entry;
pub(in crate::sync) mod marks;
pub(in crate::sync) mod open_responses;
pub(in crate::sync) mod team;
pub(in crate::sync) mod team_members;
pub(in crate::sync) mod token_bucket;
