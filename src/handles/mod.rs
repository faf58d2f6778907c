//! The handles of [`HerokuSso`](crate::HerokuSso): resources, lists, sessions. Cheap to clone.

mod error;
mod import;
mod lists;
mod resources;
mod sessions;

pub use error::{AccessTokenError, DeprovisionError, LookupError, RefreshError, RegisterError};
pub use import::{Import, ImportError, ImportRecord, ImportReport};
pub use lists::Lists;
pub use resources::Resources;
pub use sessions::Sessions;
