//! The checks of the dependencies that need no tool but cargo. The rules are those of `deny.toml`, which
//! `scripts/supply-chain` checks in full.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The packages of this repository, as the lock file quotes them.
const MEMBERS: [&str; 11] = [
    "\"benches\"",
    "\"databases-tests\"",
    "\"examples\"",
    "\"heroku-addon-simulator\"",
    "\"heroku-sso-assertion\"",
    "\"heroku-sso-store\"",
    "\"programs-tests\"",
    "\"repository-tests\"",
    "\"simulator-tests\"",
    "\"support\"",
    "\"tower-heroku-sso\"",
];

/// Those that are published: what a partner builds.
const PUBLISHED: [&str; 8] = [
    "-p",
    "tower-heroku-sso",
    "-p",
    "heroku-sso-assertion",
    "-p",
    "heroku-sso-store",
    "-p",
    "heroku-addon-simulator",
];

/// Versions that only reexport a later one. `cargo deny` skips them without being told.
const OTHER_NAMES: [&str; 1] = ["webpki-roots@0.26"];

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(arguments)
        .args(["--locked", "--offline", "--all-features"]);
    let output = command.current_dir(crate::root()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

fn file(name: &str) -> String {
    std::fs::read_to_string(crate::root().join(name)).unwrap()
}

/// The lines of a list in `deny.toml`.
fn rules(list: &str) -> Vec<String> {
    let text = file("deny.toml");
    let (_, after) = text.split_once(&format!("\n{list} = [\n")).unwrap();
    let (list, _) = after.split_once("\n]").unwrap();
    let lines = list.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

/// True if one of the choices that a licence leaves is allowed.
fn is_allowed(licence: &str, allowed: &BTreeSet<String>) -> bool {
    // Older manifests write a slash for `OR`.
    let spaced = licence
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut words = words.as_slice();
    let verdict = any_of(&mut words, allowed);
    verdict && words.is_empty()
}

fn any_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut verdict = all_of(words, allowed);
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        verdict |= all_of(words, allowed);
    }
    verdict
}

fn all_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut verdict = term(words, allowed);
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        verdict &= term(words, allowed);
    }
    verdict
}

fn term(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let verdict = any_of(words, allowed);
            *words = words.strip_prefix(&[")"]).unwrap_or(&["unclosed"]);
            verdict
        }
        // An exception gives more freedom.
        [name, "WITH", _, rest @ ..] | [name, rest @ ..] => {
            *words = rest;
            allowed.contains(*name)
        }
        [] => false,
    }
}

#[test]
fn every_licence_is_allowed() {
    let allowed = rules("allow").into_iter();
    let allowed: BTreeSet<_> = allowed
        .map(|line| line.trim_matches(['"', ',']).to_owned())
        .collect();
    let format = "{p}\t{l}";
    let tree = cargo(&[
        "tree",
        "--workspace",
        "--prefix=none",
        "--no-dedupe",
        "--format",
        format,
    ]);
    let packages: BTreeSet<_> = tree
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .collect();
    assert!(packages.len() > 200);
    for (name, licence) in packages {
        let licence = licence.trim_end_matches(" (*)");
        assert!(is_allowed(licence, &allowed), "{name} has {licence:?}");
    }
}

#[test]
fn every_second_version_of_a_crate_has_a_reason() {
    let arguments = ["tree", "--edges=no-dev", "--prefix=none", "--no-dedupe"];
    let tree = cargo(&[&arguments[..], &PUBLISHED[..]].concat());
    let mut versions: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    // A blank line separates two packages.
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        let version = version.strip_prefix('v').unwrap();
        versions.entry(name).or_default().insert(version);
    }
    assert!(versions.len() > 100);
    let skipped: Vec<_> = rules("skip")
        .iter()
        .map(|line| {
            let mut quoted = line.split('"').skip(1).step_by(2).map(str::to_owned);
            let (older, reason) = (quoted.next().unwrap(), quoted.next().unwrap());
            assert!(!reason.is_empty());
            older
        })
        .chain(OTHER_NAMES.map(str::to_owned))
        .collect();
    for (name, versions) in versions {
        let unexplained = versions.iter().filter(|version| {
            let is_it =
                |older: &String| format!("{name}@{version}").starts_with(&format!("{older}."));
            !skipped.iter().any(is_it)
        });
        assert!(
            unexplained.count() <= 1,
            "{name} comes in {versions:?}: say why in deny.toml"
        );
    }
}

#[test]
fn every_dependency_has_a_checksum_from_one_registry() {
    let lock = file("Cargo.lock");
    let mut sources = BTreeSet::new();
    let mut without = Vec::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name| {
            let mut lines = package.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))
        };
        match field("source") {
            Some(source) => {
                assert!(field("checksum").is_some(), "{package}");
                sources.insert(source);
            }
            None => without.push(field("name").unwrap()),
        }
    }
    let without: BTreeSet<_> = without.into_iter().collect();
    assert_eq!(without, MEMBERS.iter().copied().collect());
    assert_eq!(sources.len(), 1);
    assert!(
        sources
            .iter()
            .all(|source| source.starts_with("\"registry+"))
    );
}

#[test]
fn licence_expression_is_evaluated() {
    let allowed = ["MIT", "ISC"].map(str::to_owned).into();
    for (licence, verdict) in [
        ("MIT", true),
        ("MIT/GPL-3.0", true),
        ("GPL-3.0", false),
        ("MIT AND GPL-3.0", false),
        ("MIT OR GPL-3.0 AND ISC", true),
        ("(MIT OR GPL-3.0) AND ISC", true),
        ("(MIT OR ISC) AND GPL-3.0", false),
        ("GPL-3.0 WITH exception OR MIT", true),
        ("MIT WITH exception", true),
        ("(MIT", false),
        ("MIT ISC", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(licence, &allowed), verdict, "{licence}");
    }
}

#[test]
fn no_dependency_needs_a_newer_compiler_than_promised() {
    // Crates for other systems are not necessarily downloaded.
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.expect("rustc says what it compiles for");
    let metadata = cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--filter-platform",
        host,
    ]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let version = |package: &serde_json::Value| {
        let text = package["rust_version"].as_str().unwrap_or("1.0").to_owned();
        let numbers = text.split('.').map(|number| number.parse::<u32>().unwrap());
        numbers.take(2).collect::<Vec<_>>()
    };
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages
        .iter()
        .find(|package| package["name"] == "tower-heroku-sso");
    let ours = version(ours.unwrap());
    let newer = packages.iter().filter(|package| version(package) > ours);
    let newer: Vec<_> = newer.map(|package| package["id"].to_string()).collect();
    assert!(packages.len() > 100 && newer.is_empty(), "{newer:#?}");
}
