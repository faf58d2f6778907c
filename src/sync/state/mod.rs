//! What is known about one resource and about one team. No I/O.

pub(in crate::sync) mod absence_mark;
pub(in crate::sync) mod as_of;
pub(in crate::sync) mod attached_part;
pub(in crate::sync) mod attempts;
pub(in crate::sync) mod cached_list;
pub(in crate::sync) mod entry;
pub(in crate::sync) mod fetch_budgets;
pub(in crate::sync) mod member_list;
pub(in crate::sync) mod person_marks;
pub(in crate::sync) mod progress;
pub(in crate::sync) mod streams;
pub(in crate::sync) mod team;
pub(in crate::sync) mod token_bucket;
