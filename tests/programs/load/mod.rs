//! The dashboard under load, as a child process over real sockets, while Heroku has each fault of
//! [`heroku::faults`] in turn. The load is listed users and hostile requests: signed forms for unknown
//! resources, forged, old and used forms, endless bodies, and cookies of unknown sessions.
//!
//! Checked: every answer has an allowed status, listed users are never rejected, and memory does not grow.
//!
//! The usual run is short. For a long run:
//!
//! ```text
//! LOAD_SECONDS=300 cargo test -p programs-tests -- --nocapture load::
//! ```
//!
//! `LOAD_RATE` is the number of requests per second, 300 by default.

mod answers;
mod dashboard;
mod dead;
mod forms;
mod heroku;
mod kinds;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::load::answers::Answers;
use crate::load::dashboard::Dashboard;
use crate::load::heroku::faults;
use crate::load::kinds::{People, SHARES};

/// The refresh interval, longer than a round of faults.
const REFRESH: Duration = Duration::from_secs(120);

/// The maximum of concurrent requests: more than wait for a hanging Heroku. At the maximum the rate drops,
/// so that a slow machine is not overloaded.
const CONCURRENT: usize = 256;

/// A phase of the long run. The usual run has shorter phases.
const LONGEST_PHASE: Duration = Duration::from_secs(5);

/// The allowed growth, besides 5 %: used forms are kept for six minutes and closed sessions for longer, and
/// the allocator keeps the memory of the most concurrent requests. In the usual run this is some 250 bytes
/// per hostile request; `strangers` counts each request to the byte.
const SLACK: usize = 512 * 1024;

fn from_env(name: &str, usual: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(usual, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_r5_load_with_faults_serves_listed_users_in_flat_memory() {
    let seconds = from_env("LOAD_SECONDS", 12);
    let rate = from_env("LOAD_RATE", 300);
    let dashboard = Dashboard::start(REFRESH).await;
    let people = Arc::new(People::sign_in(&dashboard).await);
    let answers = Arc::new(Answers::default());
    let load = tokio::spawn(load(Arc::clone(&people), Arc::clone(&answers), rate));

    // A round has each fault, followed by a time without faults.
    let phases = 2 * u32::try_from(faults().len()).unwrap();
    let whole = Duration::from_secs(seconds);
    let phase = (whole / (2 * phases)).min(LONGEST_PHASE);
    let rounds = whole.as_nanos() / (phase * phases).as_nanos();
    let mut memory = Vec::new();
    for _ in 0..rounds.max(3) {
        dashboard.one_round(phase, &answers).await;
        memory.push(dashboard.memory());
    }
    // The first rounds are warm-up, as concurrency differs between rounds.
    let warm = memory[..memory.len().div_ceil(2)].iter().max().unwrap();
    let after = memory.last().unwrap();

    answers.in_phase("dead");
    dashboard.heroku.stop().await;
    sleep(phase * 3).await;
    load.abort();
    let ended = load.await.expect_err("the load runs until it is stopped");
    assert!(ended.is_cancelled(), "{ended}");

    answers.print();
    println!("memory after each round: {memory:?}");
    answers.all_expected();
    for (kind, _) in SHARES {
        assert!(answers.of(*kind) > 0, "{kind:?} was never tried");
    }
    for (fault, _) in faults() {
        assert!(answers.while_in(fault) > 0, "no requests during `{fault}`");
    }
    let most = warm + warm / 20 + SLACK;
    assert!(*after <= most, "{warm} bytes became {after}");
}

/// Sends requests at the rate, each in its own task, until it is stopped.
async fn load(people: Arc<People>, answers: Arc<Answers>, rate: u64) {
    let mut tick = interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
    for number in 0.. {
        // The first requests come together: the allocator keeps the memory of as many as ever run together, so
        // the warm-up must have them, however slow the machine is then.
        if number >= CONCURRENT {
            tick.tick().await;
        }
        while let Some(done) = under_way.try_join_next() {
            done.expect("an answer");
        }
        if under_way.len() >= CONCURRENT
            && let Some(done) = under_way.join_next().await
        {
            done.expect("an answer");
        }
        let kind = kinds::kind(number);
        let (people, answers) = (Arc::clone(&people), Arc::clone(&answers));
        under_way.spawn(async move {
            let phase = answers.phase();
            people.send(kind, number, &answers, phase).await;
        });
    }
}
