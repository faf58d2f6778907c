//! Where cargo has put an example.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, fs};

/// The executable, if it is the one of these sources: `cargo test` builds no examples of another package, and
/// an old one would be tested in the place of the new one.
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

    // Beside it, in the form of a makefile's rule, is what it was built from.
    let rule = fs::read_to_string(examples.join(format!("{name}.d"))).unwrap();
    let (_, sources) = rule.split_once(": ").unwrap();
    let built = modified(&example).unwrap();
    for source in sources.split_whitespace().map(Path::new) {
        let current = modified(source).is_some_and(|changed| changed <= built);
        assert!(current, "{} has changed: {advice}", source.display());
    }
    example
}

/// None if it is not there.
fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
