//! The cached lists of all resources. No I/O.

pub(in crate::sync) mod app_index;
pub(in crate::sync) mod list_cache;
pub(in crate::sync) mod list_event;
pub(in crate::sync) mod replace;
mod replace_cases;
pub(in crate::sync) mod store_reads;
