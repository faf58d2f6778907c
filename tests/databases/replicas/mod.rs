//! Several gates of one add-on on one database.

mod clocks;
mod doubts;
mod killed;
mod machines;
mod outage;
mod processes;
pub mod soon;
mod together;
