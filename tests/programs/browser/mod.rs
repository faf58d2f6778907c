//! The dashboard example as people meet it: in a real browser, at a Heroku on another site.
//!
//! Each test starts the example with its simulator, chromedriver, and a Chromium that has never
//! been anywhere, and ends them again. The simulator is at `localhost` and the add-on at
//! `127.0.0.1`, so that the sign-in is a cross-site post as it is in life, and the cookies are the
//! `__Host-` ones of production. Nothing leaves this machine.

mod accessibility;
mod admin;
mod console;
mod ended_sessions;
mod keyboard;
mod own_login;
mod page;
mod sign_in;
mod sign_out;
mod tabs;
mod visit;
