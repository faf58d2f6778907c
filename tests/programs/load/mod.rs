//! The dashboard under load, as a process of its own over real sockets, while Heroku fails in turn in
//! every way of [`heroku::faults`] and is dead in the end: people who are on a list, and strangers who
//! send signed forms for made-up resources, forged ones, old ones, used ones, bodies without end,
//! cookies of no session.
//!
//! What is held: every answer has a status that its kind may have, people on a list are never refused,
//! and the process keeps no memory for all that.
//!
//! The usual run is short. A long one:
//!
//! ```text
//! LOAD_SECONDS=300 cargo test -p programs-tests -- --nocapture load::
//! ```
//!
//! `LOAD_RATE` are the requests a second, 300 if nothing is said.

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

/// How long a list and a session go on without a newer list: longer than a round of faults.
const REFRESH: Duration = Duration::from_secs(120);

/// What may be under way at once: more than waits for a Heroku that hangs. Beyond that the rate is
/// lower, so that a slow machine gets no heap of requests.
const AT_ONCE: usize = 256;

/// A phase of the long run. The usual one has shorter ones.
const LONGEST_PHASE: Duration = Duration::from_secs(5);

/// What the process may have grown by, besides a twentieth: used forms are remembered for six minutes
/// and ended sessions for longer, as they should be, and the system's allocator keeps what the most that
/// was under way at once has taken. Of the usual run that is some 250 bytes for each of the hostile
/// requests; what each of them leaves to the byte is counted by `strangers`.
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

    // A round is each fault, with a time without faults after it.
    let phases = 2 * u32::try_from(faults().len()).unwrap();
    let whole = Duration::from_secs(seconds);
    let phase = (whole / (2 * phases)).min(LONGEST_PHASE);
    let rounds = whole.as_nanos() / (phase * phases).as_nanos();
    let mut memory = Vec::new();
    for _ in 0..rounds.max(2) {
        dashboard.one_round(phase, &answers).await;
        memory.push(dashboard.memory());
    }
    // The first half warms up: how much is under way at once differs from round to round.
    let warm = memory[..memory.len().div_ceil(2)].iter().max().unwrap();
    let after = memory.last().unwrap();

    answers.in_phase("dead");
    dashboard.heroku.stop().await;
    sleep(phase * 3).await;
    load.abort();
    let ended = load.await.expect_err("it goes on until it is told to end");
    assert!(ended.is_cancelled(), "{ended}");

    answers.print();
    println!("memory after each round: {memory:?}");
    answers.all_expected();
    for (kind, _) in SHARES {
        assert!(answers.of(*kind) > 0, "{kind:?} was never tried");
    }
    for (fault, _) in faults() {
        assert!(answers.while_in(fault) > 0, "nobody came during `{fault}`");
    }
    let most = warm + warm / 20 + SLACK;
    assert!(*after <= most, "{warm} bytes became {after}");
}

/// Sends one request after the other, each on its own, until it is told to end.
async fn load(people: Arc<People>, answers: Arc<Answers>, rate: u64) {
    let mut tick = interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
    for number in 0.. {
        tick.tick().await;
        while let Some(done) = under_way.try_join_next() {
            done.expect("an answer");
        }
        if under_way.len() >= AT_ONCE
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
