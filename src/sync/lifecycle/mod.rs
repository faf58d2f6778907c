//! A resource from its registration to its end.

pub(in crate::sync) mod absence;
pub(in crate::sync) mod end;
pub(in crate::sync) mod keyed_lock;
pub(in crate::sync) mod partner_turns;
pub(in crate::sync) mod register;
pub(in crate::sync) mod revoke;
