//! Writes the tables and plots of `benches/README.md` from the results of the benchmarks.
//!
//! `scripts/bench` runs them and then this. It replaces the text between two marks in the page; the other
//! text is written by hand.

mod estimates;
mod machine;
mod plots;
mod svg;
mod tables;

use std::fs;
use std::path::Path;

use crate::estimates::Estimates;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let times = Estimates::read(&measured::home());
    let path = folder.join("README.md");
    let mut page = fs::read_to_string(&path).expect("benches/README.md");
    for (mark, text) in [
        ("machine", machine::description()),
        ("requests", tables::requests()),
        ("goals", tables::goals()),
        ("parts", tables::parts(&times)),
        ("growth", tables::growth(&times)),
    ] {
        page = between_marks(&page, mark, &text);
    }
    fs::write(&path, page).expect("benches/README.md");
    let plots = folder.join("plots");
    fs::create_dir_all(&plots).expect("benches/plots");
    for (name, plot) in plots::all(&times) {
        fs::write(plots.join(name), plot).expect("a plot");
    }
    println!("wrote {}", path.display());
}

fn between_marks(page: &str, mark: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {mark} -->"), format!("<!-- /{mark} -->"));
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| no_mark(&begin));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| no_mark(&end));
    format!("{before}{begin}\n{text}{end}{after}")
}

fn no_mark(mark: &str) -> ! {
    panic!("benches/README.md has no {mark}")
}
