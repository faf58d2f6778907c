//! Places at which work stops until the test lets it go on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

tokio::task_local! {
    /// What the task at hand is about, in the words of the test.
    pub static OPERATION: &'static str;
}

/// All places of one world. Every call of a store stops twice, before it is made and before its answer
/// is handed out, and so does every call of Heroku.
#[derive(Clone, Debug, Default)]
pub struct Stops(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    mode: Mode,
    /// Grows with whatever happens: the order in which it did.
    moments: u64,
    /// By when they came.
    waiting: BTreeMap<u64, Stopped>,
    /// Only places with one of these words count; none: all.
    only: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Mode {
    /// Nobody stops.
    #[default]
    Open,
    /// Whoever comes gives way once: a step at which a future can be dropped.
    Stepwise,
    /// Whoever comes waits.
    Held,
}

#[derive(Debug)]
struct Stopped {
    place: String,
    go_on: oneshot::Sender<()>,
}

impl Stops {
    pub fn open(&self) {
        let mut state = self.state();
        state.mode = Mode::Open;
        // Whoever waits is let go by this.
        state.waiting.clear();
    }

    pub fn step(&self) {
        self.state().mode = Mode::Stepwise;
    }

    pub fn hold(&self) {
        self.state().mode = Mode::Held;
    }

    /// Has work stop at places with one of these words only, so that few orders are left.
    pub fn hold_only(&self, words: &'static [&'static str]) {
        let mut state = self.state();
        (state.mode, state.only) = (Mode::Held, words);
    }

    /// A moment later than all before it.
    pub fn moment(&self) -> u64 {
        let mut state = self.state();
        state.moments += 1;
        state.moments
    }

    /// How much has happened.
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
                    let (go_on, wait) = oneshot::channel();
                    let number = state.moments;
                    state.waiting.insert(number, Stopped { place, go_on });
                    Some((number, wait))
                }
            }
        };
        let Some((number, wait)) = waiting else {
            return tokio::task::yield_now().await;
        };
        let _left = Left(self, number);
        // It is let go, or all are.
        let _ = wait.await;
    }

    /// Who waits, in an order that does not hang on which of two came first.
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
        // Whoever waited may have gone away.
        let _ = stopped.map(|stopped| stopped.go_on.send(()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// Takes somebody who waited off the list, also if they were dropped.
struct Left<'a>(&'a Stops, u64);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.state().waiting.remove(&self.1);
    }
}
