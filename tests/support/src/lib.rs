//! Shared by the test programs: a browser without scripts, a gate with a simulated Heroku, and child
//! processes.

pub mod browser;
pub mod example;
pub mod faulty_sessions;
pub mod ids;
pub mod open_stream;
pub mod process;
pub mod running;
pub mod world;

use std::path::PathBuf;

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("tests/support").to_owned()
}
