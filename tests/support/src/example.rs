//! The path of a built example.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, fs};

/// The executable, if it is up to date: `cargo test` does not build examples of another package, and an old
/// one would be tested instead.
pub fn built(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let examples = profile.join("examples");
    let example = examples.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    let advice = "run `cargo build --workspace --all-features --examples`, as scripts/test does";
    assert!(
        example.exists(),
        "the example {name} is not built: {advice}"
    );

    // The file beside it lists its sources as a makefile rule.
    let rule = fs::read_to_string(examples.join(format!("{name}.d"))).unwrap();
    let (_, sources) = rule.split_once(": ").unwrap();
    let built = modified(&example).unwrap();
    for source in sources.split_whitespace().map(Path::new) {
        let current = modified(source).is_some_and(|changed| changed <= built);
        assert!(current, "{} has changed: {advice}", source.display());
    }
    example
}

/// None if the file does not exist.
fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
