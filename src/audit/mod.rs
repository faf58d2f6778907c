//! Audit events: who signed in, who was rejected and why, who joined and who left.
//!
//! They are the only events that name people. Each is written as a `tracing` event of the target
//! `tower_heroku_sso::audit`, and given to [`on_audit`](crate::HerokuSsoBuilder::on_audit) as an
//! [`AuditEvent`], which serializes to JSON. The [guide](crate::guide::observing#audit-events) lists them
//! with their fields. Send them only to places where personal data is allowed.

mod event;
mod hook;
mod log;
mod request_id;
#[cfg(test)]
mod tests;
mod trace;

pub use event::{AuditEvent, AuditKind};

pub(crate) use hook::{AuditFunction, AuditHook};
pub(crate) use log::{AuditLog, Subject};
pub(crate) use request_id::RequestId;
