//! Keeps the table of attacks and faults in `SECURITY.md` complete and true. A number's tests are the
//! functions whose names begin with it (`a37_…`, also with others: `a24_a25_…`); the table says in which
//! files they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// The last number of each letter: attacks, attacks on signed tokens, upstream faults, secrets, promises of
/// reliability.
const NUMBERS: &[(char, u32)] = &[('a', 72), ('j', 12), ('u', 30), ('s', 6), ('r', 11)];

/// The numbers of the letter `c`: cases that were added to the catalogue later.
const CASES: &[u32] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
];

/// The files below `tests` for each number, without `.rs`.
type Files = BTreeMap<String, BTreeSet<String>>;

fn all_numbers() -> BTreeSet<String> {
    let all = NUMBERS
        .iter()
        .flat_map(|(letter, last)| (1..=*last).map(move |number| format!("{letter}{number}")));
    all.chain(CASES.iter().map(|number| format!("c{number}")))
        .collect()
}

/// The rows of the table: `| A1 | … | `file`, `file` |`.
fn rows() -> Files {
    let text = fs::read_to_string(crate::root().join("SECURITY.md")).unwrap();
    let mut rows = Files::new();
    for line in text.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", number, about, files, ""] = cells[..] else {
            continue;
        };
        let number = number.to_ascii_lowercase();
        if leading_numbers(&format!("{number}_")) != [&*number] {
            continue;
        }
        assert!(!about.is_empty(), "{number} is about nothing");
        let files: Vec<_> = files.split(", ").collect();
        let files: BTreeSet<_> = files
            .iter()
            .map(|file| file.trim_matches('`').to_owned())
            .collect();
        let twice = rows.insert(number.clone(), files);
        assert!(twice.is_none(), "{number} has two rows");
    }
    rows
}

/// `a24` and `a25` of `a24_a25_unknown_…`.
fn leading_numbers(name: &str) -> Vec<&str> {
    let is_number = |part: &&str| {
        let digits =
            part.strip_prefix(|c| c == 'c' || NUMBERS.iter().any(|(letter, _)| *letter == c));
        digits.is_some_and(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()))
    };
    name.split('_').take_while(is_number).collect()
}

/// The tests in a source: functions with the attribute, and those that a list of rules makes into one
/// for each store.
fn tests_of(source: &str) -> Vec<&str> {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let mut tests = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let line = line.strip_prefix("async ").unwrap_or(line);
        let Some(name) = line
            .strip_prefix("fn ")
            .and_then(|rest| rest.split('(').next())
        else {
            continue;
        };
        let above = lines[..index].iter().rev();
        let mut attributes = above.take_while(|line| line.starts_with("#["));
        let is_test =
            attributes.any(|it| it.starts_with("#[test]") || it.starts_with("#[tokio::test"));
        if is_test || lines.contains(&name) {
            tests.push(name);
        }
    }
    tests
}

/// The rules of stores in a source. Each is a test of every store, as `tests/databases` runs them.
fn rules_of(source: &str) -> Vec<&str> {
    let rules = source.lines().filter_map(|line| {
        let rule = line.strip_prefix("pub async fn ")?;
        rule.split(['(', '<']).next()
    });
    rules.collect()
}

/// The files below `tests` that have tests of a number.
fn tests() -> Files {
    fn collect(folder: &Path, found: &mut Files) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).unwrap();
                let file = path.strip_prefix(crate::root().join("tests")).unwrap();
                let file = file.with_extension("").to_str().unwrap().replace('\\', "/");
                for number in tests_of(&source).into_iter().flat_map(leading_numbers) {
                    let files = found.entry(number.to_owned()).or_default();
                    files.insert(file.clone());
                }
            }
        }
    }
    let mut found = Files::new();
    collect(&crate::root().join("tests"), &mut found);
    found
}

#[test]
fn every_number_has_a_row_and_every_row_a_number() {
    let rows: BTreeSet<_> = rows().into_keys().collect();
    let missing: Vec<_> = all_numbers().difference(&rows).cloned().collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
    let unknown: Vec<_> = rows.difference(&all_numbers()).cloned().collect();
    assert!(unknown.is_empty(), "rows of no number: {unknown:?}");
}

#[test]
fn every_row_names_exactly_the_files_of_its_tests() {
    let tests = tests();
    for (number, named) in rows() {
        let found = tests.get(&number).cloned().unwrap_or_default();
        assert!(!found.is_empty(), "{number} has no test");
        assert_eq!(named, found, "the files of {number}: named, found");
    }
}

#[test]
fn every_number_in_a_test_name_exists() {
    let known = all_numbers();
    for (number, files) in tests() {
        assert!(known.contains(&number), "{number} in {files:?}");
    }
}

/// The tests that the table of ASVS names: in full, or by the beginning that several have in common. A name
/// of up to 16 characters without `…` is taken for something else.
fn named_by_asvs(text: &str) -> Vec<&str> {
    let table = text.split("## OWASP ASVS").nth(1).expect("the table");
    let quoted = table.split('`').skip(1).step_by(2);
    let is_test = |name: &&str| {
        let own = name.trim_end_matches('…');
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        own.contains('_') && own.chars().all(is_name) && (own.len() > 16 || own != *name)
    };
    quoted.filter(is_test).collect()
}

/// True if there is such a test, or one that begins like it if it ends in `…`.
pub(crate) fn is_there(test: &str) -> bool {
    let there = all_tests();
    match test.strip_suffix('…') {
        Some(beginning) => there.iter().any(|test| test.starts_with(beginning)),
        None => there.contains(test),
    }
}

/// Every test of the repository.
fn all_tests() -> &'static BTreeSet<String> {
    fn collect(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).unwrap();
                let tests = match path.parent().unwrap().ends_with(crate::RULES) {
                    true => rules_of(&source),
                    false => tests_of(&source),
                };
                found.extend(tests.into_iter().map(str::to_owned));
            }
        }
    }
    static TESTS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let mut there = BTreeSet::new();
        for folder in ["tests", "src", "simulator", "assertion", "store"] {
            collect(&crate::root().join(folder), &mut there);
        }
        there
    });
    &TESTS
}

#[test]
fn every_test_in_the_asvs_table_exists() {
    let text = fs::read_to_string(crate::root().join("SECURITY.md")).unwrap();
    let named = named_by_asvs(&text);
    assert!(named.len() > 60, "{named:?}");
    for name in named {
        assert!(is_there(name), "there is no test `{name}`");
    }
}

/// Each rule is in the list that authors of stores run, and the tests of the crate's own stores.
#[test]
fn every_store_rule_is_listed() {
    let folder = crate::root().join(crate::RULES);
    let list = fs::read_to_string(folder.join("mod.rs")).unwrap();
    let own = crate::root().join("tests/databases/stores/conformance.rs");
    assert!(fs::read_to_string(own).unwrap().contains("store_rules!("));
    let mut count = 0;
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        if path.ends_with("mod.rs") {
            continue;
        }
        for rule in rules_of(&fs::read_to_string(path).unwrap()) {
            count += 1;
            let is_listed = list.lines().any(|line| line.trim() == rule);
            assert!(is_listed, "{rule}");
        }
    }
    assert!(count > 25, "{count} rules");
}

#[test]
fn numbers_tests_and_rules_are_parsed() {
    assert_eq!(leading_numbers("a24_a25_strangers"), ["a24", "a25"]);
    assert_eq!(leading_numbers("a_form_counts_once"), [""; 0]);
    assert_eq!(leading_numbers("u2b_x"), [""; 0]);
    let source = "#[tokio::test]\nasync fn a1_x() {\n#[test]\n#[cfg(unix)]\nfn a2_y() {\n\
                  fn a3_no_test() {\nrules! {\n    a4_z\n}\nasync fn a4_z(store: Store) {";
    assert_eq!(tests_of(source), ["a1_x", "a2_y", "a4_z"]);
    assert_eq!(
        rules_of("pub async fn a(store: S) {\npub async fn b<S>(\n"),
        ["a", "b"]
    );
    assert_eq!(all_numbers().len(), 72 + 12 + 30 + 6 + 11 + CASES.len());
    assert!(tests().len() > 100 && rows().len() > 100);
}
