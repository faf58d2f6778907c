//! Compares the crate with a model of access, over random histories.
//!
//! [`reference`] is the model: it gets Heroku's answers from the simulator's log and decides for each
//! request whether it must, must not or may be served. [`world`] has the real gates: two, as of two
//! processes, over one store and one session store, with the simulated Heroku. [`history`] applies the same
//! events to both: sign-ins with valid, invalid, old and used forms, requests with the cookie of any past
//! session, added and removed people, an email that passes to another account, refreshes, faults of Heroku,
//! webhooks in any order, sign-outs, revocations, restarts, ended resources, and time.
//!
//! Checked for every answer:
//!
//! 1. nothing reaches the handler that the model forbids;
//! 2. nothing that it promises is rejected;
//! 3. the status is one of those that the model has for the case, and a form works once, at whichever
//!    process.
//!
//! The usual run takes the same histories each time. A long one, with other histories:
//!
//! ```text
//! MODEL_SEED=$RANDOM MODEL_STEPS=1000000 cargo test --all-features --test histories -- --nocapture model::
//! ```
//!
//! A failure is printed with its seed and number of steps, which reproduce it: the first history of a run
//! is the one of `MODEL_SEED`.

mod heard;
mod history;
mod reference;
mod world;

use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Builder;

use history::Answers;

/// For the usual run.
const STEPS: u64 = 6_000;
const SEED: u64 = 1;

fn from_env(name: &str, usual: u64) -> u64 {
    let given = env::var(name).ok();
    given.map_or(usual, |text| text.parse().expect("a number"))
}

/// One thread, which polls its sockets after each task: see `World::settle`.
fn run(seed: u64, steps: usize) -> Result<Answers, String> {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().event_interval(1).build().unwrap();
    runtime.block_on(history::run(seed, steps))
}

#[test]
fn r1_decisions_match_the_model_over_random_histories() {
    let (seed, steps) = (from_env("MODEL_SEED", SEED), from_env("MODEL_STEPS", STEPS));
    let steps = usize::try_from(steps).unwrap();
    let histories = steps.div_ceil(history::LENGTH);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut answers = Answers::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= histories {
                return Ok(answers);
            }
            let result = run(seed + number as u64, steps - number * history::LENGTH);
            // The other thread stops after its history.
            let result = result.inspect_err(|_| next.store(histories, Ordering::Relaxed));
            add(&mut answers, result?);
        }
    };
    let results = std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(work));
        threads.map(|thread| thread.join().expect("no history panics"))
    });
    let mut answers = Answers::new();
    for result in results {
        let those = result.unwrap_or_else(|wrong: String| panic!("{wrong}"));
        add(&mut answers, those);
    }
    println!("{steps} steps: {answers:?}");
    // Both admissions and rejections occur.
    let visits = answers.keys().filter(|(what, _)| *what == "visit").count();
    assert!(steps < history::LENGTH || visits == 4, "{answers:?}");
}

fn add(all: &mut Answers, more: Answers) {
    for (answer, count) in more {
        *all.entry(answer).or_default() += count;
    }
}
