//! The specifications, by topic. Through the public API, over real sockets where the wire matters,
//! with an injected clock and the simulator.

mod access;
mod browser;
mod changes;
mod cold_start;
mod conditional;
mod extension;
mod extractors;
mod faulty;
mod fleet;
mod gate;
mod health;
mod hints;
mod mounting;
mod own_login;
mod pace;
mod partner_api;
mod refusals;
mod restart;
mod roles;
mod setup;
mod sign_in;
mod sso;
mod stores;
mod streams;
mod subscriptions;
mod sync;
mod tabs;
mod teams;
mod tokens;
mod upstream;
mod way_back;
mod webhooks;
mod whoami;
mod world;
