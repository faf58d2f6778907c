//! A resource from its registration to its end.

pub(in crate::sync) mod dormancy;
pub(in crate::sync) mod erase_person;
pub(in crate::sync) mod partner_calls;
pub(crate) mod register_resource;
pub(in crate::sync) mod resource_lifecycle;
pub(in crate::sync) mod revoke_sessions;
