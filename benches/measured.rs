//! Results that were measured without criterion, stored beside criterion's.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

/// Values by name, sorted.
pub type Values = BTreeMap<String, f64>;

/// The folder of criterion's results.
pub fn home() -> PathBuf {
    let of = |name| env::var_os(name).map(PathBuf::from);
    let ours = || concat!(env!("CARGO_MANIFEST_DIR"), "/../target").into();
    let target = || of("CARGO_TARGET_DIR").unwrap_or_else(ours);
    of("CRITERION_HOME").unwrap_or_else(|| target().join("criterion"))
}

pub fn keep(name: &str, values: &Values) {
    let folder = home().join("measured");
    fs::create_dir_all(&folder).expect("a folder to write into");
    let text = serde_json::to_string_pretty(values).expect("numbers");
    fs::write(folder.join(format!("{name}.json")), text).expect("a file to write");
}

pub fn kept(name: &str) -> Values {
    let path = home().join("measured").join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}. Run scripts/bench", path.display());
    });
    serde_json::from_str(&text).expect("numbers")
}
