//! The access list of a resource, as a value.

mod email;

pub use email::{Email, InvalidEmail};
