//! Every setting is documented where users look for it.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(super::root().join(path)).unwrap()
}

/// The methods of the builder: those that are written out, and one for each line of the macros `settings`
/// and `switches`.
fn builder_methods(source: &str) -> Vec<&str> {
    let methods = source.lines().filter_map(|line| {
        let line = line.trim_start();
        let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        match line.strip_prefix("pub fn ") {
            Some(rest) => rest.split(['(', '<']).next(),
            None => line
                .split_once(" => |config")
                .and_then(|(it, _)| it.split(':').next()),
        }
        .filter(is_name)
    });
    methods.collect()
}

#[test]
fn options_of_the_guide_name_every_setting_of_the_builder() {
    let options = read("src/guide/options.md");
    let sources = ["builder", "introduction"].map(|it| read(&format!("src/heroku_sso/{it}.rs")));
    let methods = sources.iter().flat_map(|source| builder_methods(source));
    let methods: Vec<_> = methods.collect();
    assert!(
        methods.contains(&"dormant_for") && methods.contains(&"on_audit"),
        "{methods:?}"
    );
    let named = |method: &str| options.contains(&format!("crate::HerokuSsoBuilder::{method}"));
    let missing: Vec<_> = methods
        .into_iter()
        .filter(|method| !named(method))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The string literals of a folder that can only be variables of the environment.
fn variables(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            variables(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let quoted = text.split('"').skip(1).step_by(2);
            let is_variable = |it: &&str| {
                let allowed = |c: char| c.is_ascii_uppercase() || c == '_';
                it.len() > 3 && it.contains('_') && it.chars().all(allowed)
            };
            found.extend(quoted.filter(is_variable).map(str::to_owned));
        }
    }
}

#[test]
fn variables_of_the_examples_are_documented() {
    let documents = read("examples/README.md") + &read("src/guide/options.md");
    let mut found = Vec::new();
    variables(&super::root().join("examples"), &mut found);
    assert!(found.iter().any(|it| it == "UPSTREAM_URL"), "{found:?}");
    let missing = found
        .iter()
        .filter(|it| !documents.contains(&format!("`{it}`")));
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "{missing:?}");
}
