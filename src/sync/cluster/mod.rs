//! Several processes on one store: leases, the order of what they do, loading, and each other's changes.

pub(in crate::sync) mod closed_sessions;
pub(in crate::sync) mod coordinator;
pub(in crate::sync) mod follow;
pub(in crate::sync) mod load;
