//! Common code of several examples, so that each of them shows one thing.

pub mod demo;
pub mod process;
pub mod settings;
