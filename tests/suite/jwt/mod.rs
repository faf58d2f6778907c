//! Signed tokens: sessions in cookies, bearer tokens, command-line clients and assertions, and attempts to
//! use one as another.

mod assertion;
mod bearer;
mod confusion;
mod crowded;
mod forge;
mod hanging_store;
pub mod keys;
mod open_streams;
mod program;
mod setup;
mod signed_cookies;
mod site;
