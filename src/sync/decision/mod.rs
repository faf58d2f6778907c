//! Whether a person may access a resource now, for sign-ins, requests and streams.

pub(in crate::sync) mod admit;
pub(in crate::sync) mod authorize;
pub(in crate::sync) mod decide;
pub(in crate::sync) mod decide_attached_cases;
pub(in crate::sync) mod decide_cases;
pub(in crate::sync) mod decide_properties;
pub(in crate::sync) mod denial;
pub(in crate::sync) mod explain;
pub(in crate::sync) mod keep_in_use;
pub(in crate::sync) mod recheck_access;
pub(in crate::sync) mod truth_table;
