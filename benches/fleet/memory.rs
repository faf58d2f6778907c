//! Memory of large fleets, and the time to the first complete state. Each in its own process.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::heroku::{Heroku, World};
use crate::scenarios::Report;

/// The output of a process that holds one fleet.
struct Measured {
    bytes: f64,
    seconds: f64,
}

/// The child process: loads a fleet, and prints its growth in bytes and the time.
pub async fn measure(arguments: &[String]) -> Result<()> {
    let number = |index: usize| -> Result<usize> { Ok(arguments[index].parse()?) };
    let heroku = Heroku::start(World {
        apps: number(0)?,
        teams: number(1)?,
        people: number(2)?,
        latency: Duration::ZERO,
    })?;
    let empty = resident_bytes()?;
    let sso = heroku.builder()?.build().await?;
    heroku.register_all(&sso).await?;
    let start = Instant::now();
    let sync = sso.spawn_sync();
    while sso.lists().health().await.without_list > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    // The memory of connections and last answers is released.
    sync.shutdown().await;
    println!("{} {seconds}", resident_bytes()?.saturating_sub(empty));
    Ok(())
}

/// By difference between fleets: lists with ten people, with one person, and of teams.
pub async fn compare(report: &mut Report, fleet: usize) -> Result<()> {
    let ten = in_a_process(fleet, 0, 10)?;
    let one = in_a_process(fleet, 0, 1)?;
    let teams = in_a_process(fleet, fleet / 100, 10)?;
    let fleet_size = fleet as f64;
    let membership = (ten.bytes - one.bytes) / (9.0 * fleet_size);
    report.row(
        &format!("bytes a membership, {fleet} resources x 10 people"),
        format!("{membership:.0}"),
        "< 100",
    );
    let resource = one.bytes / fleet_size - membership;
    let what = "bytes a resource besides, tokens and store included";
    report.row(what, format!("{resource:.0}"), "");
    report.row(
        &format!(
            "bytes a resource, {} teams of 10 shared by {fleet} resources",
            fleet / 100
        ),
        format!("{:.0}", teams.bytes / fleet_size),
        "",
    );
    report.row(
        &format!("seconds to the first complete state, {fleet} resources x 10 people"),
        format!(
            "{:.0} ({:.0} lists a second)",
            ten.seconds,
            fleet_size / ten.seconds
        ),
        "",
    );
    Ok(())
}

fn in_a_process(apps: usize, teams: usize, people: usize) -> Result<Measured> {
    let output = Command::new(std::env::current_exe()?)
        .arg("memory")
        .args([apps, teams, people].map(|number| number.to_string()))
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let (bytes, seconds) = text.trim().split_once(' ').ok_or("a measurement failed")?;
    Ok(Measured {
        bytes: bytes.parse()?,
        seconds: seconds.parse()?,
    })
}

/// The resident memory of this process, including the allocator's rounding and fragmentation.
fn resident_bytes() -> Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.ok_or("no VmRSS: this measurement wants Linux")?;
    let kilobytes: usize = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes * 1024)
}
