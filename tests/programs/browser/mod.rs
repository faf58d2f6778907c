//! The dashboard example in a real browser, with Heroku on another site.
//!
//! Each test starts the example with its simulator, chromedriver, and a Chromium with a new profile. The
//! simulator is at `localhost` and the add-on at `127.0.0.1`, so that the sign-in is a cross-site post, as
//! in production, and the cookies are the `__Host-` ones. No request leaves this machine.

mod accessibility;
mod admin;
pub(crate) mod chromium;
mod console;
mod ended_sessions;
mod keyboard;
mod own_login;
mod page;
mod sign_in;
mod sign_out;
mod tabs;
mod visit;
