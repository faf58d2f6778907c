//! Orders in which things happen: chosen at random from a seed, or one after the other until there is
//! no other.

use std::env;
use std::future::Future;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, JoinHandle, yield_now};

use crate::interleavings::stops::{OPERATION, Stops};
use crate::interleavings::world::Stage;

/// Of the usual run.
const SEED: u64 = 1;

/// How often everything else may go on before it is taken for standing still. Answers come by sockets
/// of this machine, which this thread looks at each time.
const STILL: usize = 60;

/// Longer than anything waits that waits for time to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who goes on next, each time there is a choice.
pub struct Choices {
    scenario: &'static str,
    source: Source,
    /// What was chosen, of how many.
    taken: Vec<(usize, usize)>,
    order: Vec<String>,
}

enum Source {
    Seed {
        /// Of the first run.
        first: u64,
        seed: u64,
        rng: Rng,
    },
    /// These first, and from then on always the first.
    Script(Vec<usize>),
}

impl Choices {
    fn of_seed(scenario: &'static str, first: u64, seed: u64) -> Self {
        // What the crate itself draws, the moments of its fetches, is the same in the same run too.
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

    /// One of so many.
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

    /// The script of the next order that was not tried yet.
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
    /// What shows a failure again.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        match &self.source {
            Source::Seed { first, seed, .. } => {
                // The gates are those of the runs before.
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

/// One thread, which looks at its sockets after each task.
pub fn runtime() -> Runtime {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all().event_interval(1).build().unwrap()
}

/// Lets the scenario happen in so many orders, or in as many as `INTERLEAVINGS_RUNS` says.
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
    let stage = runtime.block_on(Stage::new(is_shared));
    for seed in first..first + runs {
        let mut choices = Choices::of_seed(name, first, seed);
        runtime.block_on(scenario(&stage, &mut choices));
    }
    println!("{name}: {runs} random orders in {:?}", began.elapsed());
}

/// Lets the scenario happen in every order there is, which must not be more than `most`.
pub fn in_every_order(
    name: &'static str,
    is_shared: bool,
    most: usize,
    scenario: impl AsyncFn(&Stage, &mut Choices),
) {
    let began = Instant::now();
    let runtime = runtime();
    let stage = runtime.block_on(Stage::new(is_shared));
    let mut script = Some(Vec::new());
    let mut runs = 0;
    while let Some(of_this_run) = script {
        assert!(runs < most, "{name}: there are more than {most} orders");
        let mut choices = Choices::of_script(name, of_this_run);
        runtime.block_on(scenario(&stage, &mut choices));
        script = choices.next_script();
        runs += 1;
    }
    println!("{name}: all {runs} orders in {:?}", began.elapsed());
}

/// What was done, and when by the moments of the stops.
#[derive(Debug)]
pub struct Done<T> {
    pub began: u64,
    pub ended: u64,
    pub value: T,
}

/// Work that runs beside other work.
pub struct Task<T>(JoinHandle<Done<T>>);

impl<T> Task<T> {
    /// What came of it; none if it was dropped.
    pub async fn done(self) -> Option<Done<T>> {
        match self.0.await {
            Ok(done) => Some(done),
            Err(error) if error.is_cancelled() => None,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// What came of what nobody drops.
    pub async fn value(self) -> T {
        self.done().await.expect("nobody drops it").value
    }
}

/// Work that is done at once, one step of one piece at a time.
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

    /// Adds a piece of work. When it begins is a choice like all others.
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

    /// At some moment the other piece of work is dropped, as by a client that hangs up.
    pub fn add_drop_of<T>(&mut self, name: &'static str, task: &Task<T>) {
        let task = task.0.abort_handle();
        drop(self.add(name, async move { task.abort() }));
    }

    /// Lets one after the other take one step until all is done, and then whatever goes on behind it
    /// come to its end.
    pub async fn work(self) {
        let mut waits_since = None;
        loop {
            self.stand_still().await;
            if self.at_work.iter().all(|(_, task)| task.is_finished()) {
                break;
            }
            let waiting = self.stops.waiting();
            if waiting.is_empty() {
                // For another process that has a lease, or for an answer that is on its way.
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

/// Until nothing more happens by itself.
pub async fn stand_still(stops: &Stops) {
    let (mut still, mut moments) = (0, stops.moments());
    while still < STILL {
        yield_now().await;
        let before = std::mem::replace(&mut moments, stops.moments());
        still = if moments == before { still + 1 } else { 0 };
    }
}
