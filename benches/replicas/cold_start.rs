//! How long a process takes that starts on a full database, and what it then holds.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use heroku_addon_simulator::Simulator;
use sqlx::{Connection, Executor, PgConnection};
use tower_heroku_sso::SyncScope;

use crate::gates::{builder, database, store};
use crate::{Goal, Result, row};

/// Resources of ten collaborators each; half of them in teams of ten, twenty apps to a team.
pub async fn of_a_fleet() -> Result<()> {
    let fleet: usize = match std::env::var("FLEET") {
        Ok(fleet) => fleet.parse()?,
        Err(_) => 100_000,
    };
    let url = database("fleet").await?;
    drop(store(&url).await?);
    let mut connection = PgConnection::connect(&url).await?;
    connection.execute(fill(fleet).as_str()).await?;
    let output = Command::new(std::env::current_exe()?)
        .args(["cold-start", &url, &fleet.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let words: Vec<f64> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [seconds, megabytes] = words[..] else {
        return Err("the cold start failed".into());
    };
    row(
        &format!("seconds until {fleet} resources of 10 people are in memory, from Postgres"),
        format!("{seconds:.1}"),
        seconds,
        Goal::None,
    );
    row(
        "megabytes that they take",
        format!("{megabytes:.0}"),
        megabytes,
        Goal::None,
    );
    Ok(())
}

/// The child's side.
pub async fn measure(url: &str, fleet: usize) -> Result<()> {
    let heroku = Simulator::start().await?;
    let store = store(url).await?;
    // Nothing is in use, so nothing is fetched: the loading alone.
    let sso = builder(&heroku)?
        .store(store)
        .sync_scope(SyncScope::Active)
        .build()?;
    let empty = resident_megabytes()?;
    let start = Instant::now();
    let _sync = sso.spawn_sync();
    loop {
        // Seldom, as to count a fleet takes time of its own.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let health = sso.health().await?;
        if health.resources == fleet && health.without_list == 0 {
            break;
        }
        if start.elapsed() > Duration::from_secs(300) {
            return Err("the fleet is not loaded after five minutes".into());
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{seconds} {}", resident_megabytes()? - empty);
    Ok(())
}

/// Written by the database itself: to have the crate write them one by one would take minutes. Their
/// tokens open with no key, and are not opened here.
fn fill(fleet: usize) -> String {
    let people = |prefix: &str| {
        format!(
            "(SELECT json_agg(json_build_object('email', '{prefix}-' || n || '-' || p || \
             '@example.com', 'account', json_build_object('Known', gen_random_uuid()), \
             'roles', json_build_array('collaborator'), 'permissions', json_build_array()) \
             ORDER BY p) FROM generate_series(0, 9) p)"
        )
    };
    format!(
        "INSERT INTO tower_heroku_sso.resource (id, state, token_ends_at, revision, list, \
         list_ticket, list_asked_at, list_asked, team_id, changed_by, changed_at) \
         SELECT gen_random_uuid(), 'active', now() + interval '8 hours', 1, \
         json_build_object('addon_name', 'acme-db-round-' || n, \
         'app', json_build_object('id', gen_random_uuid(), 'name', 'app-' || n), \
         'team', CASE WHEN n % 2 = 0 THEN json_build_object('id', 'team-' || n / 40, \
         'name', 'team-' || n / 40) END, 'web_url', NULL, \
         'collaborators', {})::text, n, now(), now(), \
         CASE WHEN n % 2 = 0 THEN 'team-' || n / 40 END, gen_random_uuid(), \
         now() - interval '1 hour' \
         FROM generate_series(1, {fleet}) n; \
         INSERT INTO tower_heroku_sso.team (id, members, ticket, asked_at, asked, changed_by, \
         changed_at) \
         SELECT 'team-' || n, {}::text, n, now(), now(), gen_random_uuid(), \
         now() - interval '1 hour' \
         FROM generate_series(0, {fleet} / 40) n; \
         ANALYZE;",
        people("someone"),
        people("member"),
    )
}

fn resident_megabytes() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.ok_or("no VmRSS: this measurement wants Linux")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}
