//! Criterion's results: one folder per benchmark, with its name and times.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// Median times in nanoseconds, by the full name of the benchmark.
pub struct Estimates(BTreeMap<String, f64>);

#[derive(Deserialize)]
struct Name {
    full_id: String,
}

#[derive(Deserialize)]
struct Times {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

impl Estimates {
    pub fn read(home: &Path) -> Self {
        let mut estimates = BTreeMap::new();
        collect(home, &mut estimates);
        Self(estimates)
    }

    /// The time of a benchmark that must have been run.
    pub fn of(&self, name: &str) -> f64 {
        self.known(name)
            .unwrap_or_else(|| panic!("{name} was not measured. Run scripts/bench"))
    }

    pub fn known(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

fn collect(folder: &Path, estimates: &mut BTreeMap<String, f64>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.ends_with("new") {
            let name: Option<Name> = parsed(&path.join("benchmark.json"));
            let times: Option<Times> = parsed(&path.join("estimates.json"));
            if let (Some(name), Some(times)) = (name, times) {
                estimates.insert(name.full_id, times.median.point_estimate);
            }
        } else if path.is_dir() {
            collect(&path, estimates);
        }
    }
}

fn parsed<T: for<'d> Deserialize<'d>>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
