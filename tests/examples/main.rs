//! Each example as a process, walked over real HTTP.

mod admin;
#[allow(dead_code, reason = "shared with the suite, which uses all of it")]
#[path = "../suite/browser.rs"]
mod browser;
mod dashboard;
#[path = "../browser/example.rs"]
mod example;
mod existing_app;
mod own_login;
#[path = "../browser/process.rs"]
mod process;
mod proxy;
mod raw;
mod real_mode;
mod real_proxy;
mod running;
mod simulator;
mod tabs;
