//! Signed tokens: sessions in cookies, bearer tokens, command-line clients, assertions; and every way
//! of passing one off as another.

mod assertion;
mod bearer;
mod confusion;
mod forge;
mod keys;
mod program;
mod setup;
mod site;
mod stateless;
