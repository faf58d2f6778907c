//! The handles of [`HerokuSso`](crate::HerokuSso): resources, lists, sessions. Cheap to clone.

mod lists;
mod resources;
mod sessions;

pub use lists::Lists;
pub use resources::Resources;
pub use sessions::Sessions;
