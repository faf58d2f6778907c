//! The guide's tables of events and words, compared with the sources. `tests/process/metrics.rs` compares the
//! table of metrics with what is emitted.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::architecture::collect;

fn read(path: &str) -> String {
    fs::read_to_string(crate::root().join(path)).unwrap()
}

/// The words in backticks of a text.
fn quoted(text: &str) -> BTreeSet<String> {
    let words = text.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

/// The texts in quotes after `before`, up to the next quote.
fn after(text: &str, before: &str) -> BTreeSet<String> {
    let found = text.split(before).skip(1);
    let found = found.filter_map(|rest| rest.split('"').next());
    found.map(str::to_owned).collect()
}

/// The names in the first column of the table in this chapter of the guide.
fn events_in(chapter: &str) -> BTreeSet<String> {
    let guide = read("src/guide/observing.md");
    let chapter = guide.split(&format!("\n# {chapter}\n")).nth(1).unwrap();
    let chapter = chapter.split("\n# ").next().unwrap();
    let rows = chapter.lines().filter_map(|line| line.strip_prefix("| "));
    let names = rows.flat_map(|row| quoted(row.split(" | ").next().unwrap()));
    names.collect()
}

/// The words in the paragraph of the guide that begins like this.
fn words_of(begin: &str) -> BTreeSet<String> {
    let guide = read("src/guide/observing.md");
    let text = guide.split(begin).nth(1).unwrap();
    let text = text.split("\n\n").next().unwrap();
    quoted(text.split_once(": ").unwrap().1)
}

#[test]
fn guide_lists_every_audit_event() {
    let kinds = read("src/audit/event.rs");
    let kinds = kinds.split("kinds! {").nth(1).unwrap();
    assert_eq!(after(kinds, " => \""), events_in("Audit events"));
}

#[test]
fn guide_lists_every_other_named_event() {
    let mut files: Vec<PathBuf> = Vec::new();
    for library in ["src", "store/src"] {
        collect(&crate::root().join(library), &mut files);
    }
    let emitted = files.iter().flat_map(|file| {
        let text = fs::read_to_string(file).unwrap();
        after(&text, "event = \"")
    });
    assert_eq!(emitted.collect::<BTreeSet<_>>(), events_in("Log events"));
}

#[test]
fn guide_lists_every_code_of_a_rejection() {
    let kinds = read("src/gate/rejection_kind.rs");
    let codes = kinds.split("pub fn code(self)").nth(1).unwrap();
    let codes = codes.split("\n    }\n").next().unwrap();
    assert_eq!(after(codes, " => \""), words_of("The codes of rejections"));
}

#[test]
fn guide_lists_every_kind_of_error() {
    let mut kinds = BTreeSet::new();
    for file in ["src/heroku/error.rs", "src/sync/error.rs"] {
        let text = read(file);
        let of_file = text.split("fn kind(&self)").nth(1).unwrap();
        let of_file = of_file.split("\n    }\n").next().unwrap();
        kinds.extend(after(of_file, " => \""));
    }
    assert_eq!(kinds, words_of("The kinds of errors"));
}
