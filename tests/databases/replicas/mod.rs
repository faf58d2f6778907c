//! Several gates of one add-on on one database.

mod clocks;
mod killed;
mod machines;
mod outage;
mod pending_removals;
mod processes;
pub mod soon;
mod together;
