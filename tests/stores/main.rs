//! One set of rules for all stores, held against each of them for real.

#![allow(
    dead_code,
    reason = "some of what the suite's world offers is for others"
)]

#[path = "../suite/browser.rs"]
mod browser;
mod conformance;
mod keys;
mod place;
mod sessions;
mod shared;
mod sweep;
mod swept;
mod unreadable;
#[path = "../suite/world.rs"]
mod world;
