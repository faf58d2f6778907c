//! The synchronization of a fleet, measured against a simulated Heroku in its own process.
//!
//! `cargo bench -p benches --bench fleet` prints the table of `benches/README.md`. `FLEET=5000` makes the
//! large fleets smaller, `-- outage` measures only requests during an outage, `-- growth` only the time per
//! list by fleet size. Comparisons are within one run: a refresh with one bare call, the sync with a bare
//! loop of the same calls.

mod growth;
mod heroku;
mod memory;
mod outage;
mod scenarios;

use std::error::Error;
use std::process::ExitCode;

use crate::scenarios::Report;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(std::io::stderr)
        .init();
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let result = match arguments.get(1).map(String::as_str) {
        Some("heroku") => runtime.block_on(heroku::serve(&arguments[2..])),
        Some("memory") => runtime.block_on(memory::measure(&arguments[2..])),
        Some("outage") => runtime.block_on(outage_alone()),
        Some("growth") => runtime.block_on(growth_alone()),
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

/// The size of the large fleets.
fn large() -> Result<usize> {
    Ok(match std::env::var("FLEET") {
        Ok(fleet) => fleet.parse()?,
        Err(_) => 100_000,
    })
}

async fn all() -> Result<()> {
    let mut report = Report::default();
    scenarios::round_trips(&mut report).await?;
    scenarios::calls_of_teams(&mut report).await?;
    scenarios::throughput(&mut report).await?;
    outage::compare(&mut report).await?;
    growth::cost(&mut report, large()?).await?;
    memory::compare(&mut report, large()?).await?;
    report.print();
    Ok(())
}

async fn growth_alone() -> Result<()> {
    let mut report = Report::default();
    growth::cost(&mut report, large()?).await?;
    report.print();
    Ok(())
}

async fn outage_alone() -> Result<()> {
    let mut report = Report::default();
    outage::compare(&mut report).await?;
    report.print();
    Ok(())
}
