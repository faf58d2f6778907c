//! The sync's CPU time per list, by the size of the fleet.

use std::time::Duration;

use tower_heroku_sso::ManualClock;

use crate::Result;
use crate::heroku::{Heroku, World};
use crate::scenarios::{IDLE_INTERVAL, Report, fetched_since};

/// The lists to fetch at each size, or one round if that is more.
const LISTS: usize = 20_000;

/// Linux measures a process's CPU time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// This process's CPU time per list of an idle round. Heroku runs in another process, and waiting is not
/// counted.
pub async fn cost(report: &mut Report, fleet: usize) -> Result<()> {
    for size in [100, 1_000, 10_000, 100_000] {
        if size > fleet {
            break;
        }
        let heroku = Heroku::start(World {
            apps: size,
            teams: 0,
            people: 10,
            latency: Duration::ZERO,
        })?;
        let clock = ManualClock::new();
        let sso = heroku.builder()?.clock(clock.clone()).build().await?;
        heroku.register_all(&sso).await?;
        let sync = sso.spawn_sync();
        // Computing the health of a large fleet is slower, so it is read less often.
        let pause = Duration::from_micros(10 * size as u64).max(Duration::from_millis(5));
        fetched_since(&sso, Duration::MAX, pause).await?;
        let rounds = LISTS.div_ceil(size);
        let before = computed()?;
        for _ in 0..rounds {
            clock.advance(IDLE_INTERVAL);
            fetched_since(&sso, Duration::ZERO, pause).await?;
        }
        let each = (computed()? - before).as_secs_f64() / (rounds * size) as f64;
        sync.shutdown().await;
        report.row(
            &format!("microseconds of computing a list, an idle round of {size}"),
            format!("{:.0}", each * 1e6),
            "the same at each size",
        );
    }
    Ok(())
}

/// The user and system time of this process.
fn computed() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name may contain spaces, and ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')').ok_or("no /proc/self/stat")?;
    let fields: Vec<_> = fields.split_whitespace().collect();
    let ticks = |index: usize| -> Result<u32> { Ok(fields[index].parse()?) };
    Ok(TICK * (ticks(11)? + ticks(12)?))
}
