//! The public API, as `scripts/public-api write` lists it: each type has one path, and its size is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use syn::visit::{self, Visit};

/// A listing, the source that exports what it lists, and how many types and lines it may have. A line that comes
/// is a promise to keep: raise the numbers only for what users cannot do without.
struct Api {
    listing: &'static str,
    source: &'static str,
    package: &'static str,
    most_types: usize,
    most_lines: usize,
}

const APIS: [Api; 2] = [
    Api {
        listing: "public-api.txt",
        source: "src/lib.rs",
        package: "tower_heroku_sso",
        most_types: 80,
        most_lines: 1_000,
    },
    Api {
        listing: "store/public-api.txt",
        source: "store/src/lib.rs",
        package: "heroku_sso_store",
        most_types: 50,
        most_lines: 420,
    },
];

impl Api {
    fn listing(&self) -> String {
        fs::read_to_string(super::root().join(self.listing)).unwrap()
    }
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
    let twice = by_name.into_iter().filter(|(_, paths)| paths.len() > 1);
    twice.collect()
}

#[test]
fn each_type_has_one_path() {
    for api in APIS {
        let listing = api.listing();
        let types = types(&listing);
        assert!(types.len() > 40, "{} was not understood", api.listing);
        assert_eq!(reached_twice(&types), []);
    }
}

#[test]
fn size_of_the_public_api_is_bounded() {
    for api in APIS {
        let listing = api.listing();
        let (lines, types) = (listing.lines().count(), types(&listing).len());
        assert!(types <= api.most_types, "{}: {types} types", api.listing);
        assert!(lines <= api.most_lines, "{}: {lines} lines", api.listing);
    }
}

/// The tool that writes the listing is not run with every change.
#[test]
fn listing_has_what_the_crate_exports() {
    struct Exported(BTreeSet<String>);

    impl<'ast> Visit<'ast> for Exported {
        fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
            let is_hidden = item.attrs.iter().any(|it| {
                let list = it.meta.require_list();
                list.is_ok_and(|list| list.tokens.to_string() == "hidden")
            });
            if matches!(item.vis, syn::Visibility::Public(_)) && !is_hidden {
                visit::visit_item_use(self, item);
            }
        }

        fn visit_use_name(&mut self, name: &'ast syn::UseName) {
            self.0.insert(name.ident.to_string());
        }
    }

    for api in APIS {
        let source = fs::read_to_string(super::root().join(api.source)).unwrap();
        let mut exported = Exported(BTreeSet::new());
        exported.visit_file(&syn::parse_file(&source).unwrap());
        assert!(exported.0.len() > 40, "{:?}", exported.0);
        let listing = api.listing();
        let is_listed = |name: &String| {
            let path = format!("{}::{name}", api.package);
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
