//! Several gates of one add-on on one database.

#![allow(
    dead_code,
    reason = "some of what the suite's world offers is for others"
)]

#[path = "../suite/browser.rs"]
mod browser;
mod clocks;
mod doubts;
#[path = "../browser/example.rs"]
mod example;
mod fleet;
mod killed;
mod machines;
mod outage;
#[path = "../stores/place.rs"]
mod place;
#[path = "../browser/process.rs"]
mod process;
mod processes;
#[path = "../examples/running.rs"]
mod running;
mod soon;
mod together;
#[path = "../suite/world.rs"]
mod world;
