//! Checks of the repository itself: the shape of the sources, the tables that name tests, what comes in
//! with a dependency. They read text, and link nothing of the crates.

mod architecture;
mod catalogue;
mod deadlines;
mod supply_chain;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("tests/repository")
        .to_owned()
}
