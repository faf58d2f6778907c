//! Several gates of one add-on on one database.

mod clocks;
mod ends;
mod killed;
mod machines;
mod outage;
mod pending_removals;
mod processes;
mod sessions;
pub mod soon;
mod together;
