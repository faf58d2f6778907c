//! The costs of durable stores, compared with memory in one run, on a real Postgres and a real Redis.
//!
//! `scripts/with-servers cargo bench -p benches --bench replicas` prints the table of `benches/README.md`,
//! and fails if a goal is missed. `FLEET=5000` makes the fleet of the cold start smaller. `-- delay`, `-- fleet`
//! and `-- throughput` measure only that, and do not fail.

mod cold_start;
mod delay;
mod gated;
mod gates;
mod process;

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The goal of a figure.
enum Goal {
    None,
    AtLeast(f64),
    Below(f64),
}

/// The number of missed goals.
static MISSED: AtomicUsize = AtomicUsize::new(0);

/// One line of the table; `figure` is compared with the goal.
fn row(what: &str, measured: impl std::fmt::Display, figure: f64, goal: Goal) {
    let (goal, met) = match goal {
        Goal::None => (String::new(), true),
        Goal::AtLeast(least) => (format!(">= {least}"), figure >= least),
        Goal::Below(limit) => (format!("< {limit}"), figure < limit),
    };
    let said = if met { "" } else { ": MISSED" };
    MISSED.fetch_add(usize::from(!met), Ordering::Relaxed);
    println!("| {what} | {measured} | {goal}{said} |");
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let result = match arguments.get(1).map(String::as_str) {
        Some("cold-start") => runtime
            .block_on(async { cold_start::measure(&arguments[2], arguments[3].parse()?).await }),
        Some("process") => runtime.block_on(process::serve()),
        Some("throughput") => runtime.block_on(gated::throughput()),
        Some("delay") => runtime.block_on(delay::across_three()),
        Some("fleet") => runtime.block_on(cold_start::of_a_fleet()),
        _ => runtime.block_on(all()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn all() -> Result<()> {
    println!("| what | measured | goal |\n| --- | --- | --- |");
    gated::throughput().await?;
    delay::across_three().await?;
    cold_start::of_a_fleet().await?;
    match MISSED.load(Ordering::Relaxed) {
        0 => Ok(()),
        missed => Err(format!("{missed} goals were missed").into()),
    }
}
