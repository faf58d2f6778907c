//! Places at which work stops until the test resumes it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

tokio::task_local! {
    /// The test's name for the current task.
    pub static OPERATION: &'static str;
}

/// All stops of one world. Every call to a store or to Heroku stops twice: before it is made and before its
/// answer is returned.
#[derive(Clone, Debug, Default)]
pub struct Stops(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    mode: Mode,
    /// Increases with every event, as a logical clock.
    moments: u64,
    /// By arrival.
    waiting: BTreeMap<u64, Stopped>,
    /// Only places with one of these words stop; if empty, all.
    only: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Mode {
    /// No stops.
    #[default]
    Open,
    /// Each call yields once: a step at which a future can be dropped.
    Stepwise,
    /// Each call waits.
    Held,
}

#[derive(Debug)]
struct Stopped {
    place: String,
    resume: oneshot::Sender<()>,
}

impl Stops {
    pub fn open(&self) {
        let mut state = self.state();
        state.mode = Mode::Open;
        // This resumes all waiting calls.
        state.waiting.clear();
    }

    pub fn step(&self) {
        self.state().mode = Mode::Stepwise;
    }

    pub fn hold(&self) {
        self.state().mode = Mode::Held;
    }

    /// Stops work only at places with one of these words, so that there are few orders.
    pub fn hold_only(&self, words: &'static [&'static str]) {
        let mut state = self.state();
        (state.mode, state.only) = (Mode::Held, words);
    }

    /// A new, latest moment.
    pub fn moment(&self) -> u64 {
        let mut state = self.state();
        state.moments += 1;
        state.moments
    }

    /// The current moment.
    pub fn moments(&self) -> u64 {
        self.state().moments
    }

    pub async fn stop(&self, place: impl Into<String>) {
        let mut place = place.into();
        if let Ok(operation) = OPERATION.try_with(|operation| *operation) {
            place = format!("{place} for {operation}");
        }
        let waiting = {
            let mut state = self.state();
            state.moments += 1;
            let counts = state.only.is_empty() || state.only.iter().any(|it| place.contains(it));
            match state.mode {
                Mode::Open => return,
                Mode::Held if !counts => return,
                Mode::Stepwise => None,
                Mode::Held => {
                    let (resume, wait) = oneshot::channel();
                    let number = state.moments;
                    state.waiting.insert(number, Stopped { place, resume });
                    Some((number, wait))
                }
            }
        };
        let Some((number, wait)) = waiting else {
            return tokio::task::yield_now().await;
        };
        let _left = Left(self, number);
        // Resumed alone or with all others.
        let _ = wait.await;
    }

    /// The waiting calls, in an order independent of their arrival.
    pub fn waiting(&self) -> Vec<(String, u64)> {
        let state = self.state();
        let waiting = state.waiting.iter();
        let mut waiting: Vec<_> = waiting
            .map(|(number, stopped)| (stopped.place.clone(), *number))
            .collect();
        waiting.sort();
        waiting
    }

    pub fn let_go(&self, number: u64) {
        let stopped = self.state().waiting.remove(&number);
        // The waiting call may have been dropped.
        let _ = stopped.map(|stopped| stopped.resume.send(()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// Removes a waiting call from the list, also when it is dropped.
struct Left<'a>(&'a Stops, u64);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.state().waiting.remove(&self.1);
    }
}
