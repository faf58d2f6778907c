//! Checks of the repository: the structure of the sources, the tables of the documents, the dependencies.
//! They read text, and link none of the crates.

mod architecture;
mod catalogue;
mod deadlines;
mod documents;
mod observing;
mod public_api;
mod structure;
mod supply_chain;

use std::path::{Path, PathBuf};

/// The folder with the rules of stores. They are tests: their runner cancels them.
const RULES: &str = "store/src/conformance";

/// The root of the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("tests/repository")
        .to_owned()
}

/// True for what is compiled for tests alone.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("cfg") && list.is_ok_and(|list| list.tokens.to_string() == "test")
    })
}
