//! Checks that every public future is tested.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{stores, table};

/// Tested elsewhere.
const ELSEWHERE: &[(&str, &str)] = &[
    ("HerokuSso::from_env", "as `HerokuSsoBuilder::build`"),
    (
        "HerokuSsoBuilder::build",
        "connects a store, as `PostgresStore::connect`, and keeps nothing else",
    ),
    (
        "Import::run",
        "one `Resources::register` after the other; what is left: `suite::import`",
    ),
    ("Lists::erase", "one call of the store: `stores`"),
    (
        "PostgresStore::connect",
        "needs a server; its calls: `stores`, `replicas`",
    ),
    ("PostgresStore::connect_with", "as `connect`"),
    ("PostgresStore::connect_with_at_most", "as `connect`"),
    (
        "PostgresStore::reencrypt",
        "one transaction a row, as `SqliteStore::reencrypt`",
    ),
    (
        "Sessions::delete_expired",
        "one call of the session store after the other: `suite::deadlines`",
    ),
    ("SharedStore::lease", "of Postgres: `replicas::killed`"),
    ("SharedStore::release", "as `lease`"),
    (
        "StoreEvents::next",
        "of Postgres; its promise is held by `follow`: `suite::leases`",
    ),
];

fn sources() -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("conformance") || path.ends_with("clock.rs") {
                // Tests, which their runner cancels; and what the API hides.
            } else if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&support::root().join("src"), &mut found);
    collect(&support::root().join("assertion/src"), &mut found);
    collect(&support::root().join("store/src"), &mut found);
    found
}

/// `Type::name` of each public async function, by the last `impl` or public `trait` above it.
fn futures() -> BTreeSet<String> {
    let mut futures = BTreeSet::new();
    for path in sources() {
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let (mut owner, mut is_trait) = (String::new(), false);
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let word = |rest: &str| {
                let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_');
                name.into_iter().next().unwrap_or_default().to_owned()
            };
            if let Some(rest) = line.strip_prefix("impl") {
                // For a generic impl, the part after the parameters.
                let name = rest.split_once("> ").map_or(rest, |(_, name)| name);
                (owner, is_trait) = (word(name.trim_start()), false);
            } else if let Some(rest) = line.strip_prefix("pub trait ") {
                (owner, is_trait) = (word(rest), true);
            }
            let line = line.trim_start();
            // A signature may be several lines long.
            let ends = |line: &&&str| line.ends_with('{') || line.ends_with(';');
            let signature_end = lines[at..].iter().find(ends).copied().unwrap_or_default();
            let name = match (
                line.strip_prefix("pub async fn "),
                line.strip_prefix("pub fn "),
            ) {
                (Some(rest), _) => Some(word(rest)),
                (_, Some(rest)) if signature_end.contains("-> impl Future") => Some(word(rest)),
                _ => None,
            };
            let of_trait = line
                .strip_prefix("async fn ")
                .filter(|_| is_trait)
                .map(word);
            futures.extend(name.or(of_trait).map(|name| format!("{owner}::{name}")));
        }
    }
    futures
}

#[test]
fn every_public_future_has_a_cancellation_test() {
    let found = futures();
    assert!(found.len() > 30, "{found:?}");
    let mut named: BTreeSet<_> = table::CASES.iter().map(|case| case.name).collect();
    named.extend(stores::NAMES);
    named.extend(ELSEWHERE.iter().map(|(name, _)| *name));
    let missing: Vec<_> = found.iter().filter(|it| !named.contains(&***it)).collect();
    assert!(missing.is_empty(), "not in a table: {missing:?}");
    let gone = ELSEWHERE.iter().filter(|(name, _)| !found.contains(*name));
    assert_eq!(gone.count(), 0, "{ELSEWHERE:?}");
}
