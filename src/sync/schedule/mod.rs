//! When each list is fetched, and within which rate limits. No calls of its own.

pub(in crate::sync) mod backlog;
pub(in crate::sync) mod lag_monitor;
pub(crate) mod next_fetch;
pub(in crate::sync) mod queue;
pub(in crate::sync) mod rate_limits;
pub(in crate::sync) mod scheduler;
