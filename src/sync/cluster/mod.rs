//! Between processes: leases, the order of events, loading from the store, and changes by other processes.

pub(in crate::sync) mod coordinator;
pub(in crate::sync) mod follow;
pub(in crate::sync) mod load;
