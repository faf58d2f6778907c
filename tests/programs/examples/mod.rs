//! Each example as a process, tested over real HTTP.

mod admin;
mod adopt;
mod dashboard;
mod existing_app;
mod own_login;
mod proxy;
mod raw;
mod real_mode;
mod real_proxy;
mod simulator;
mod tabs;
