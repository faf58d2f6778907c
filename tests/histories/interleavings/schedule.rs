//! Schedules: chosen at random from a seed, or enumerated until all are tried.

use std::env;
use std::future::Future;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, JoinHandle, yield_now};

use crate::interleavings::stops::{OPERATION, Stops};
use crate::interleavings::world::{SessionsIn, Stage};

/// For the usual run.
const SEED: u64 = 1;

/// The number of yields after which all work counts as idle. Answers come through local sockets, which this
/// thread polls each time.
const STILL: usize = 60;

/// Longer than any timer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Chooses the next step each time there are several.
pub struct Choices {
    scenario: &'static str,
    source: Source,
    /// The choices so far, with the number of options.
    taken: Vec<(usize, usize)>,
    order: Vec<String>,
}

enum Source {
    Seed {
        /// The seed of the first run.
        first: u64,
        seed: u64,
        rng: Rng,
    },
    /// These choices, then always the first option.
    Script(Vec<usize>),
}

impl Choices {
    fn of_seed(scenario: &'static str, first: u64, seed: u64) -> Self {
        // The crate's own random delays are reproducible as well.
        fastrand::seed(seed);
        let rng = Rng::with_seed(seed);
        Self::new(scenario, Source::Seed { first, seed, rng })
    }

    fn of_script(scenario: &'static str, script: Vec<usize>) -> Self {
        fastrand::seed(SEED);
        Self::new(scenario, Source::Script(script))
    }

    fn new(scenario: &'static str, source: Source) -> Self {
        Self {
            scenario,
            source,
            taken: Vec::new(),
            order: Vec::new(),
        }
    }

    /// Chooses one of this many options.
    pub fn choose(&mut self, of: usize) -> usize {
        let choice = match &mut self.source {
            Source::Seed { rng, .. } => rng.usize(..of),
            Source::Script(script) => {
                let scripted = script.get(self.taken.len()).copied();
                scripted.unwrap_or(0).min(of - 1)
            }
        };
        self.taken.push((choice, of));
        choice
    }

    /// The script of the next untried order.
    fn next_script(&self) -> Option<Vec<usize>> {
        let last = self
            .taken
            .iter()
            .rposition(|(choice, of)| choice + 1 < *of)?;
        let script = self.taken[..=last].iter().map(|(choice, _)| *choice);
        let mut script: Vec<_> = script.collect();
        script[last] += 1;
        Some(script)
    }
}

impl Drop for Choices {
    /// Prints how to reproduce a failure.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        match &self.source {
            Source::Seed { first, seed, .. } => {
                // The gates are shared with earlier runs.
                let (scenario, runs) = (self.scenario, seed - first + 1);
                eprintln!(
                    "{scenario}: INTERLEAVINGS_SEED={first} INTERLEAVINGS_RUNS={runs}, \
                     perhaps also INTERLEAVINGS_SEED={seed} INTERLEAVINGS_RUNS=1"
                );
            }
            Source::Script(_) => {
                let script: Vec<_> = self.taken.iter().map(|(choice, _)| choice).collect();
                eprintln!("{}: the order with the choices {script:?}", self.scenario);
            }
        }
        eprintln!("the order:\n  {}", self.order.join("\n  "));
    }
}

fn from_env(name: &str, usual: u64) -> u64 {
    let given = env::var(name).ok();
    given.map_or(usual, |text| text.parse().expect("a number"))
}

/// One thread, which polls its sockets after each task.
pub fn runtime() -> Runtime {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all().event_interval(1).build().unwrap()
}

/// Runs the scenario for each place of the sessions in this many random orders, or in `INTERLEAVINGS_RUNS`.
pub fn in_random_orders(
    name: &'static str,
    is_shared: bool,
    usual_runs: u64,
    scenario: impl AsyncFn(&Stage, &mut Choices),
) {
    let first = from_env("INTERLEAVINGS_SEED", SEED);
    let runs = from_env("INTERLEAVINGS_RUNS", usual_runs);
    let began = Instant::now();
    let runtime = runtime();
    for sessions_in in SessionsIn::BOTH {
        let stage = runtime.block_on(Stage::new(is_shared, sessions_in));
        for seed in first..first + runs {
            let mut choices = Choices::of_seed(name, first, seed);
            runtime.block_on(scenario(&stage, &mut choices));
        }
    }
    println!("{name}: {runs} random orders in {:?}", began.elapsed());
}

/// Runs the scenario in every order, of which there must be at most `most`.
pub fn in_every_order(
    name: &'static str,
    is_shared: bool,
    most: usize,
    scenario: impl AsyncFn(&Stage, &mut Choices),
) {
    let began = Instant::now();
    let runtime = runtime();
    for sessions_in in SessionsIn::BOTH {
        let stage = runtime.block_on(Stage::new(is_shared, sessions_in));
        let mut script = Some(Vec::new());
        let mut runs = 0;
        while let Some(of_this_run) = script {
            assert!(runs < most, "{name}: there are more than {most} orders");
            let mut choices = Choices::of_script(name, of_this_run);
            runtime.block_on(scenario(&stage, &mut choices));
            script = choices.next_script();
            runs += 1;
        }
        let took = began.elapsed();
        println!("{name}, sessions in {sessions_in:?}: all {runs} orders in {took:?}");
    }
}

/// The output of a task, with the moments of its start and end.
#[derive(Debug)]
pub struct Done<T> {
    pub began: u64,
    pub ended: u64,
    pub value: T,
}

/// Work that runs beside other work.
pub struct Task<T>(JoinHandle<Done<T>>);

impl<T> Task<T> {
    /// Its output; none if it was dropped.
    pub async fn done(self) -> Option<Done<T>> {
        match self.0.await {
            Ok(done) => Some(done),
            Err(error) if error.is_cancelled() => None,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// The output of a task that is never dropped.
    pub async fn value(self) -> T {
        self.done().await.expect("the task was not dropped").value
    }
}

/// Concurrent tasks, executed one step of one task at a time.
pub struct Crew<'a> {
    stops: Stops,
    choices: &'a mut Choices,
    at_work: Vec<(&'static str, AbortHandle)>,
}

impl<'a> Crew<'a> {
    pub fn new(stops: &Stops, choices: &'a mut Choices) -> Self {
        Self {
            stops: stops.clone(),
            choices,
            at_work: Vec::new(),
        }
    }

    /// Adds a task. Its start is a choice like any other step.
    pub fn add<T: Send + 'static>(
        &mut self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        let stops = self.stops.clone();
        let work = async move {
            stops.stop("begin").await;
            let began = stops.moment();
            let value = work.await;
            let ended = stops.moment();
            Done {
                began,
                ended,
                value,
            }
        };
        let task = tokio::spawn(OPERATION.scope(name, work));
        self.at_work.push((name, task.abort_handle()));
        Task(task)
    }

    /// Drops the other task at some moment, as when a client disconnects.
    pub fn add_drop_of<T>(&mut self, name: &'static str, task: &Task<T>) {
        let task = task.0.abort_handle();
        drop(self.add(name, async move { task.abort() }));
    }

    /// Executes steps until all tasks are done, and then waits for background work.
    pub async fn work(self) {
        let mut waits_since = None;
        loop {
            self.stand_still().await;
            if self.at_work.iter().all(|(_, task)| task.is_finished()) {
                break;
            }
            let waiting = self.stops.waiting();
            if waiting.is_empty() {
                // Waiting for another process's lease or for an answer in transit.
                let since = *waits_since.get_or_insert_with(Instant::now);
                let left = self.at_work.iter().filter(|(_, task)| !task.is_finished());
                let left: Vec<_> = left.map(|(name, _)| *name).collect();
                assert!(since.elapsed() < PATIENCE, "these wait for ever: {left:?}");
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
            waits_since = None;
            let chosen = self.choices.choose(waiting.len());
            let (place, number) = &waiting[chosen];
            self.choices.order.push(place.clone());
            self.stops.let_go(*number);
        }
        self.stops.open();
        self.stand_still().await;
    }

    async fn stand_still(&self) {
        stand_still(&self.stops).await;
    }
}

/// Waits until all work is idle.
pub async fn stand_still(stops: &Stops) {
    let (mut still, mut moments) = (0, stops.moments());
    while still < STILL {
        yield_now().await;
        let before = std::mem::replace(&mut moments, stops.moments());
        still = if moments == before { still + 1 } else { 0 };
    }
}
