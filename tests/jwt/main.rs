//! Signed tokens: sessions in cookies, bearer tokens, command-line clients, assertions; and every way
//! of passing one off as another.

#![allow(
    dead_code,
    reason = "some of what the suite's world offers is for others"
)]

mod assertion;
mod bearer;
#[path = "../suite/browser.rs"]
mod browser;
mod confusion;
mod forge;
mod keys;
mod program;
mod setup;
mod site;
mod stateless;
#[path = "../suite/world.rs"]
mod world;
