//! Times and numbers of calls.

use std::time::{Duration, Instant};

use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use tower_heroku_sso::{HerokuSso, ManualClock};

use crate::Result;
use crate::heroku::{Heroku, Resource, World};

/// The sync's number of concurrent fetches.
const CONCURRENCY: usize = 16;

/// The rows of the table.
#[derive(Default)]
pub struct Report(Vec<[String; 3]>);

impl Report {
    pub fn row(&mut self, what: &str, value: String, goal: &str) {
        println!("{what}: {value}");
        self.0.push([what.to_owned(), value, goal.to_owned()]);
    }

    pub fn print(&self) {
        println!("\n| what | measured | goal |\n| --- | --- | --- |");
        for [what, value, goal] in &self.0 {
            println!("| {what} | {value} | {goal} |");
        }
    }
}

/// A refresh and a first fetch compared with one bare call, at a latency of 100 ms.
pub async fn round_trips(report: &mut Report) -> Result<()> {
    let world = World {
        apps: 40,
        teams: 10,
        people: 10,
        latency: Duration::from_millis(100),
    };
    let heroku = Heroku::start(world)?;
    let sso = heroku.builder()?.build().await?;
    heroku.register_all(&sso).await?;
    let (mut bare, mut cold, mut warm) = (Vec::new(), Vec::new(), Vec::new());
    let client = Client::builder().no_proxy().build()?;
    // One resource of each team, so that each first fetch includes members.
    for resource in &heroku.resources[..world.teams] {
        let token = sso.resources().access_token(&resource.id).await?;
        let url = format!("{}/addons/{}", heroku.url, resource.id);
        bare.push(timed(get(&client, &url, &token)).await?);
        cold.push(timed(sso.lists().refresh(&resource.id)).await?);
        warm.push(timed(sso.lists().refresh(&resource.id)).await?);
    }
    let (bare, cold, warm) = (median(bare), median(cold), median(warm));
    let ratio = |time: Duration| format!("{:.2}", time.as_secs_f64() / bare.as_secs_f64());
    report.row(
        "refresh / one round trip, 100 ms latency",
        ratio(warm),
        "<= 1.3",
    );
    report.row(
        "cold resolve / one round trip, 100 ms latency",
        ratio(cold),
        "<= 3.3",
    );
    Ok(())
}

/// The calls to Heroku for a fleet of teams: initially, and in an idle round.
pub async fn calls_of_teams(report: &mut Report) -> Result<()> {
    let world = World {
        apps: 1_000,
        teams: 50,
        people: 20,
        latency: Duration::ZERO,
    };
    let mut heroku = Heroku::start(world)?;
    let clock = ManualClock::new();
    let sso = heroku.builder()?.clock(clock.clone()).build().await?;
    heroku.register_all(&sso).await?;
    let sync = sso.spawn_sync();
    fetched_since(&sso, Duration::ZERO, POLL).await?;
    let first = heroku.calls()?;
    // Every list is due once within an idle interval.
    clock.advance(IDLE_INTERVAL);
    fetched_since(&sso, Duration::ZERO, POLL).await?;
    let second = heroku.calls()? - first;
    sync.shutdown().await;
    let each = |calls: usize| format!("{:.3}", calls as f64 / world.apps as f64);
    let what = "calls per resource, 1000 apps of 50 teams";
    report.row(&format!("{what}, first lists"), each(first), "about 3.05");
    report.row(
        &format!("{what}, an idle round"),
        each(second),
        "about 3.05",
    );
    Ok(())
}

/// How often the health of a fleet of usual size is read.
const POLL: Duration = Duration::from_millis(5);

/// The default.
pub const IDLE_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);

/// Waits until every resource has a list of this age.
pub async fn fetched_since(sso: &HerokuSso, age: Duration, poll: Duration) -> Result<()> {
    for _ in 0..2_000 {
        let health = sso.lists().health().await;
        if health.without_list == 0 && health.oldest_list.is_some_and(|oldest| oldest <= age) {
            return Ok(());
        }
        tokio::time::sleep(poll).await;
    }
    let health = sso.lists().health().await;
    Err(format!("the sync does not come to an end: {health:?}").into())
}

/// Fetches per second compared with a bare loop of the same calls, with the same concurrency.
pub async fn throughput(report: &mut Report) -> Result<()> {
    for (latency, what) in [(0, "no latency"), (20, "20 ms latency")] {
        let world = World {
            apps: 2_000,
            teams: 0,
            people: 10,
            latency: Duration::from_millis(latency),
        };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let heroku = Heroku::start(world)?;
            let sso = heroku.builder()?.build().await?;
            heroku.register_all(&sso).await?;
            theirs.push(timed(bare_loop(&heroku, &sso)).await?);
            ours.push(timed(first_lists(&sso)).await?);
        }
        let (ours, theirs) = (median(ours), median(theirs));
        let rate = |time: Duration| world.apps as f64 / time.as_secs_f64();
        report.row(
            &format!("lists a second / bare loop of the same calls, {what}"),
            format!(
                "{:.2} ({:.0} / {:.0})",
                theirs.as_secs_f64() / ours.as_secs_f64(),
                rate(ours),
                rate(theirs)
            ),
            ">= 0.8",
        );
    }
    Ok(())
}

async fn first_lists(sso: &HerokuSso) -> Result<()> {
    let sync = sso.spawn_sync();
    fetched_since(sso, Duration::MAX, POLL).await?;
    sync.shutdown().await;
    Ok(())
}

/// The calls of a first fetch: add-on, then app and collaborators. The answers are read and dropped.
async fn bare_loop(heroku: &Heroku, sso: &HerokuSso) -> Result<()> {
    let client = Client::builder().no_proxy().build()?;
    let mut tasks = tokio::task::JoinSet::new();
    for resource in heroku.resources.clone() {
        if tasks.len() >= CONCURRENCY {
            tasks.join_next().await.ok_or("no task")???;
        }
        let (client, sso, url) = (client.clone(), sso.clone(), heroku.url.clone());
        tasks.spawn(async move { ask_bare(&client, &sso, &url, &resource).await });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

async fn ask_bare(client: &Client, sso: &HerokuSso, url: &str, of: &Resource) -> Result<()> {
    let token = sso.resources().access_token(&of.id).await?;
    get(client, &format!("{url}/addons/{}", of.id), &token).await?;
    let app = format!("{url}/apps/{}", of.app);
    let collaborators = format!("{app}/collaborators");
    let (app, collaborators) = tokio::join!(
        get(client, &app, &token),
        get(client, &collaborators, &token)
    );
    app?;
    collaborators?;
    if let Some(team) = &of.team {
        get(client, &format!("{url}/teams/{team}/members"), &token).await?;
    }
    Ok(())
}

async fn get(client: &Client, url: &str, token: &SecretString) -> Result<()> {
    let request = client
        .get(url)
        .header("accept", "application/vnd.heroku+json; version=3")
        .bearer_auth(token.expose_secret());
    request.send().await?.error_for_status()?.bytes().await?;
    Ok(())
}

async fn timed<T, E>(work: impl Future<Output = std::result::Result<T, E>>) -> Result<Duration>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let start = Instant::now();
    work.await.map_err(Into::into)?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
