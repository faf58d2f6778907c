//! The machine of the measurements.

use std::fs;
use std::num::NonZero;
use std::process::Command;
use std::thread::available_parallelism;

use time::OffsetDateTime;

pub fn description() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    });
    let model = model.unwrap_or_else(|| "an unnamed processor".into());
    let cores = available_parallelism().map_or(1, NonZero::get);
    let system = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let system = system.split('.').next().unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let rustc = rustc.unwrap_or_default();
    let rustc = rustc.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let today = OffsetDateTime::now_utc().date();
    format!(
        "Measured {today} on {cores} cores of {model}, Linux {system}, {rustc}, release profile.\n"
    )
}
