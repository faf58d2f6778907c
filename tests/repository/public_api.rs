//! The public API, as `scripts/public-api write` lists it: each type has one path, and its size is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use syn::visit::{self, Visit};

/// A line that comes is a promise to keep. Raise these only for what users cannot do without.
const MOST_TYPES: usize = 160;
const MOST_LINES: usize = 1_250;

fn listing() -> String {
    fs::read_to_string(super::root().join("public-api.txt")).unwrap()
}

/// The paths of all structs, enums, traits and unions of a listing.
fn types(listing: &str) -> Vec<&str> {
    let declared = listing.lines().filter_map(|line| {
        let line = line.trim_start_matches("#[non_exhaustive] ");
        let rest = line.strip_prefix("pub ")?;
        let (kind, rest) = rest.split_once(' ')?;
        let is_type = matches!(kind, "enum" | "struct" | "trait" | "union");
        let ends = |c: char| !c.is_alphanumeric() && c != '_' && c != ':';
        let path = rest.split(ends).next()?.trim_end_matches(':');
        is_type.then_some(path)
    });
    declared.collect()
}

fn reached_twice<'a>(types: &[&'a str]) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in types {
        let name = path.rsplit("::").next().unwrap();
        by_name.entry(name).or_default().push(path);
    }
    // A member of a list, and a marker of the role.
    by_name.remove("Member");
    let twice = by_name.into_iter().filter(|(_, paths)| paths.len() > 1);
    twice.collect()
}

#[test]
fn each_type_has_one_path() {
    let listing = listing();
    let types = types(&listing);
    assert!(types.len() > 50, "the listing was not understood");
    assert_eq!(reached_twice(&types), []);
}

#[test]
fn size_of_the_public_api_is_bounded() {
    let listing = listing();
    let (lines, types) = (listing.lines().count(), types(&listing).len());
    assert!(types <= MOST_TYPES, "{types} types");
    assert!(lines <= MOST_LINES, "{lines} lines");
}

/// The tool that writes the listing is not run with every change.
#[test]
fn listing_has_what_the_crate_exports() {
    struct Exported(BTreeSet<String>);

    impl<'ast> Visit<'ast> for Exported {
        fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
            if matches!(item.vis, syn::Visibility::Public(_)) {
                visit::visit_item_use(self, item);
            }
        }

        fn visit_use_name(&mut self, name: &'ast syn::UseName) {
            self.0.insert(name.ident.to_string());
        }
    }

    let source = fs::read_to_string(super::root().join("src/lib.rs")).unwrap();
    let mut exported = Exported(BTreeSet::new());
    exported.visit_file(&syn::parse_file(&source).unwrap());
    assert!(exported.0.contains("HerokuSso"), "{:?}", exported.0);
    let listing = listing();
    let is_listed = |name: &String| {
        let path = format!("tower_heroku_sso::{name}");
        let known = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        listing
            .match_indices(&path)
            .any(|(at, _)| known(&listing[at + path.len()..]))
    };
    let missing = exported.0.iter().filter(|name| !is_listed(name));
    let missing = missing.collect::<Vec<_>>();
    assert!(
        missing.is_empty(),
        "run `scripts/public-api write`: {missing:?}"
    );
}

#[test]
fn check_above_notices_a_second_path() {
    let listing =
        "pub struct a::b::Thing\n#[non_exhaustive] pub enum a::Other\npub struct a::Thing(_)";
    let types = types(listing);
    assert_eq!(types, ["a::b::Thing", "a::Other", "a::Thing"]);
    assert_eq!(
        reached_twice(&types),
        [("Thing", vec!["a::b::Thing", "a::Thing"])]
    );
}
