//! Checks the size of types and the direction of calls in the libraries of the workspace: a type has few
//! methods, which are in few files, and files do not call each other's methods in a circle.

mod circles;
mod methods;
mod modules;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use self::modules::Crate;

/// How many inherent methods a type may have.
const METHODS: usize = 20;

/// How many files may have inherent `impl` blocks of one type.
const FILES: usize = 2;

/// What exceeds a limit. No entry is added, and one that no longer exceeds its limit fails as well.
const STILL_OVER: &[&str] = &[];

/// What exceeds a limit, as [`STILL_OVER`] names it, each with the details.
type Over = BTreeMap<String, String>;

/// `folder` leads to the crate's files.
fn over(of: &Crate, folder: &str) -> Over {
    let files = |names: &BTreeSet<&str>| {
        let names: Vec<_> = names.iter().map(|it| format!("{folder}{it}")).collect();
        names.join(", ")
    };
    let mut over = Over::new();
    for (name, inherent) in methods::by_type(of) {
        let (count, all) = (inherent.methods.len(), inherent.files);
        if count > METHODS {
            let what = format!("{name} has more than {METHODS} methods");
            over.insert(what, format!("{count}; divide the type"));
        }
        if all.len() > FILES {
            let what = format!("{name} has methods in more than {FILES} files");
            over.insert(what, format!("{}; divide the type", files(&all)));
        }
    }
    let calls = circles::calls(of);
    for circle in circles::circles(&calls) {
        let within = circle.iter().flat_map(|from| {
            let called = calls[from].iter();
            let called = called.filter(|(to, _)| circle.contains(*to));
            called.map(move |(to, method)| format!("{from} calls `{method}` of {to}"))
        });
        let within: Vec<_> = within.collect();
        let what = format!("{} call in a circle", files(&circle));
        over.insert(what, format!("{}; call one way only", within.join(", ")));
    }
    over
}

/// What has to be changed, in the code or in the exceptions.
fn complaints(over: &Over, exceptions: &[&str]) -> Vec<String> {
    let new = over
        .iter()
        .filter(|(what, _)| !exceptions.contains(&&***what));
    let new = new.map(|(what, details)| format!("{what}: {details}"));
    let ended = exceptions.iter().filter(|it| !over.contains_key(**it));
    let ended = ended.map(|it| format!("no longer over, so remove it from STILL_OVER: {it}"));
    new.chain(ended).collect()
}

/// The folders of the packages that have a library: the root's, and those of the workspace's members.
fn libraries() -> Vec<String> {
    let manifest = fs::read_to_string(crate::root().join("Cargo.toml")).unwrap();
    let (_, members) = manifest.split_once("members = [").expect("the members");
    let (members, _) = members.split_once(']').unwrap();
    let members = members.split('"').skip(1).step_by(2);
    let members = members.map(|member| format!("{member}/"));
    let mut folders: Vec<_> = [String::new()].into_iter().chain(members).collect();
    folders.retain(|folder| crate::root().join(folder).join("src/lib.rs").exists());
    folders
}

fn library(folder: &str) -> Crate {
    let package = crate::root().join(folder);
    let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
    let mut lines = manifest.lines();
    let name = lines.find_map(|line| line.strip_prefix("name = ")).unwrap();
    let name = name.trim_matches('"').replace('-', "_");
    Crate::read(&name, &|file| {
        fs::read_to_string(package.join("src").join(file)).ok()
    })
}

#[test]
fn types_are_small_and_no_files_call_in_a_circle() {
    let mut found = Over::new();
    for folder in libraries() {
        found.append(&mut over(&library(&folder), &format!("{folder}src/")));
    }
    let complaints = complaints(&found, STILL_OVER);
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn all_files_of_the_libraries_are_read() {
    let folders = libraries();
    assert_eq!(
        folders,
        ["", "assertion/", "simulator/", "store/", "tests/support/"]
    );
    for folder in folders {
        let source = crate::root().join(&folder).join("src");
        let library = library(&folder);
        let read: BTreeSet<_> = library
            .modules
            .values()
            .map(|it| source.join(&it.file))
            .collect();
        let mut files = Vec::new();
        crate::architecture::collect(&source, &mut files);
        for file in files.iter().filter(|file| !read.contains(*file)) {
            let text = fs::read_to_string(file).unwrap();
            let is_for_tests = file.ends_with("tests.rs") || text.contains("#![cfg(test)]");
            assert!(is_for_tests, "{} is not read", file.display());
        }
    }
}

/// What exceeds a limit in a crate of these files.
fn over_in(files: &[(&str, &str)]) -> Over {
    let text_of = |wanted: &str| {
        let mut files = files.iter();
        let found = files.find(|(name, _)| *name == wanted);
        found.map(|(_, text)| (*text).to_owned())
    };
    over(&Crate::read("sample", &text_of), "src/")
}

/// That many methods, with names of their own for each `prefix`.
fn block(of: &str, prefix: &str, count: usize) -> String {
    let methods = (0..count).map(|number| format!("pub(crate) async fn {prefix}{number}() {{}}"));
    let methods: Vec<_> = methods.collect();
    format!("impl<T> {of}<T> where T: Copy {{ {} }}", methods.join(" "))
}

#[test]
fn type_with_too_many_methods_is_noticed() {
    let with = |count| {
        let a = format!("pub struct Big<T>(T); {}", block("Big", "a", 15));
        let b = block("crate::a::Big", "b", count);
        over_in(&[("lib.rs", "mod a; mod b;"), ("a.rs", &a), ("b.rs", &b)])
    };
    let what = "sample::a::Big has more than 20 methods";
    assert_eq!(
        with(6),
        [(what.into(), "21; divide the type".into())].into()
    );
    assert_eq!(with(5), Over::new());
}

#[test]
fn types_of_one_name_are_told_apart_by_module() {
    let own = format!("pub struct Big<T>(T); {}", block("Big", "a", 15));
    let both = format!("mod a {{ {own} }} mod b {{ {own} }}");
    assert_eq!(over_in(&[("lib.rs", &both)]), Over::new());
}

#[test]
fn type_in_too_many_files_is_noticed_by_any_path() {
    let over = over_in(&[
        ("lib.rs", "mod parts; pub use parts::{Wide as Renamed};"),
        ("parts/mod.rs", "mod a; mod b; mod c; pub struct Wide;"),
        ("parts/a.rs", "use super::*; impl Wide { fn a() {} }"),
        (
            "parts/b.rs",
            "use crate::Renamed as W; impl W { fn b() {} }",
        ),
        ("parts/c.rs", "impl crate::parts::Wide { const C: u8 = 0; }"),
    ]);
    let what = "sample::parts::Wide has methods in more than 2 files";
    let details = "src/parts/a.rs, src/parts/b.rs, src/parts/c.rs; divide the type";
    assert_eq!(over, [(what.into(), details.into())].into());
}

#[test]
fn files_that_call_in_a_circle_are_noticed() {
    let circle = |a: &str, b: &str| {
        let a = format!("pub struct A; impl A {{ pub fn only_a() {{ {a} }} }}");
        let b = format!("use crate::a::A; pub struct B; impl B {{ pub fn only_b() {{ {b} }} }}");
        let over = over_in(&[("lib.rs", "mod a; mod b;"), ("a.rs", &a), ("b.rs", &b)]);
        over.into_keys().collect::<Vec<_>>()
    };
    let noticed = ["src/a.rs, src/b.rs call in a circle"];
    let to_b = "value.only_b();";
    for to_a in [
        "value.only_a();",
        "A::only_a();",
        "crate::a::A::only_a();",
        "assert!(value.only_a(1));",
        "assert!(value.only_a::<Vec<u8>>(1));",
        "println!(\"{}\", [value.only_a()]);",
        "println!(\"{}\", crate::a::A::only_a());",
    ] {
        assert_eq!(circle(to_b, to_a), noticed, "{to_a}");
    }
    for to_none in [
        "crate::a::only_a();",
        "Foreign::only_a();",
        "println!(\"value.only_a()\");",
        "value.only_a;",
        "self.only_a();",
    ] {
        assert_eq!(circle(to_b, to_none), [""; 0], "{to_none}");
    }
}

#[test]
fn tests_in_a_source_do_not_count() {
    let a = format!(
        "pub struct A<T>(T); {} #[cfg(test)] mod tests {{ use super::A; {} }}",
        block("A", "a", 20),
        block("A", "b", 20),
    );
    let b = format!("#![cfg(test)] use crate::a::A; {}", block("A", "c", 20));
    let over = over_in(&[("lib.rs", "mod a; mod b;"), ("a.rs", &a), ("b.rs", &b)]);
    assert_eq!(over, Over::new());
}

#[test]
fn new_and_obsolete_exceptions_are_reported() {
    let over: Over = [("A is large".into(), "21".into())].into();
    assert_eq!(complaints(&over, &["A is large"]), [""; 0]);
    assert_eq!(complaints(&over, &[]), ["A is large: 21"]);
    let ended = "no longer over, so remove it from STILL_OVER: B is large";
    assert_eq!(complaints(&over, &["A is large", "B is large"]), [ended]);
}
