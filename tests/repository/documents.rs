//! Every setting is documented where users look for it.

use std::collections::BTreeSet;
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
                it.len() > 3
                    && it.contains('_')
                    && it.chars().all(allowed)
                    && !it.starts_with("CARGO_")
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

/// What a document may name: the functions and the files of the sources.
#[derive(Default)]
struct Sources {
    functions: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl Sources {
    fn collect(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let below = path.strip_prefix(super::root()).unwrap();
            self.files.insert(format!("/{}", below.to_str().unwrap()));
            if path.is_dir() {
                self.collect(&path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let names = text.split("fn ").skip(1);
                let is_no_name = |c: char| !c.is_alphanumeric() && c != '_';
                let names = names.filter_map(|rest| rest.split(is_no_name).next());
                self.functions.extend(names.map(str::to_owned));
            }
        }
    }

    fn has_file(&self, name: &str) -> bool {
        let ends = format!("/{}", name.trim_end_matches('/'));
        self.files.iter().any(|file| file.ends_with(&ends))
    }

    /// `module::function`, `module::function_that_begins_so_…` or `module::…`.
    fn has_test(&self, name: &str) -> bool {
        let (modules, last) = name.rsplit_once("::").unwrap();
        let module = modules.rsplit("::").next().unwrap();
        let is_module = |name: &str| self.has_file(name) || self.has_file(&format!("{name}.rs"));
        is_module(module)
            && match last.strip_suffix('…') {
                Some("") => true,
                Some(begin) => self.functions.iter().any(|it| it.starts_with(begin)),
                None => self.functions.contains(last) || is_module(last),
            }
    }
}

#[test]
fn architecture_names_only_files_and_tests_that_exist() {
    let mut sources = Sources::default();
    for folder in [
        "src",
        "tests",
        "assertion",
        "simulator",
        "store",
        "examples",
        "benches",
        "fuzz/src",
    ] {
        sources.collect(&super::root().join(folder));
    }
    let text = read("ARCHITECTURE.md");
    let outside_of_blocks: String = text.split("```").step_by(2).collect();
    let quoted = outside_of_blocks.split('`').skip(1).step_by(2);
    let is_path = |it: &&str| {
        it.chars()
            .all(|c| c.is_alphanumeric() || "_/.:…".contains(c))
    };
    let (mut files, mut tests, mut missing) = (0, 0, Vec::new());
    for name in quoted.filter(is_path) {
        let is_test = name.contains("::") && !name.contains(|c: char| c.is_ascii_uppercase());
        let known = if name.ends_with(".rs") {
            files += 1;
            sources.has_file(name)
        } else if is_test {
            tests += 1;
            sources.has_test(name)
        } else {
            continue;
        };
        if !known {
            missing.push(name);
        }
    }
    assert!(files > 50 && tests > 50, "{files} files, {tests} tests");
    assert!(missing.is_empty(), "{missing:?}");
}
