//! Applies what other processes on the same store have changed.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::StoreEvent;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::closed_sessions::ClosedSessions;
use super::coordinator::Coordinator;
use crate::clock;
use crate::error_chain;
use crate::sync::SyncError;

/// The pause before a store that could not answer is asked again.
const PAUSE: Duration = Duration::from_millis(500);
/// An unavailable store is logged once in this many tries.
const LOG_INTERVAL: u32 = 120;

/// Applies every event. Never ends.
///
/// A closed session is applied immediately, because that needs no store. An event that needs the store is
/// retried until the store answers, however long it is unavailable.
pub(in crate::sync) async fn follow(coordinator: Arc<Coordinator>, closed: Arc<ClosedSessions>) {
    let Some(shared) = coordinator.store.shared() else {
        return std::future::pending().await;
    };
    let to_look_up = ToLookUp::default();
    let mut events = shared.events();
    let reading = async {
        loop {
            match events.next().await {
                StoreEvent::Session(key) => closed.note(key),
                event => to_look_up.put(event),
            }
        }
    };
    tokio::select! {
        () = reading => {}
        () = look_up(&coordinator, &closed, &to_look_up) => {}
    }
}

async fn look_up(coordinator: &Coordinator, closed: &ClosedSessions, to_look_up: &ToLookUp) {
    let mut failures = 0;
    loop {
        let event = to_look_up.next().await;
        let Err(error) = apply(coordinator, closed, &event).await else {
            failures = 0;
            continue;
        };
        // To the end of the queue: the failure may concern this event only.
        to_look_up.put(event);
        if failures % LOG_INTERVAL == 0 {
            tracing::warn!(
                %error, cause = error_chain::of(&error),
                "store event could not be applied; retrying"
            );
        }
        failures += 1;
        clock::pause(PAUSE).await;
    }
}

async fn apply(
    coordinator: &Coordinator,
    closed: &ClosedSessions,
    event: &StoreEvent,
) -> Result<(), SyncError> {
    match event {
        StoreEvent::Resource(id) => coordinator.reload_resource(id).await,
        StoreEvent::Session(key) => {
            closed.note(key.clone());
            Ok(())
        }
        StoreEvent::Team(id) => Ok(coordinator.reload_team(id).await?),
    }
}

/// Events that need a read of the store, in the order of their arrival, each of them once.
#[derive(Default)]
struct ToLookUp {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Default)]
struct Waiting {
    in_order: VecDeque<StoreEvent>,
    known: HashSet<StoreEvent>,
}

impl ToLookUp {
    fn put(&self, event: StoreEvent) {
        let mut waiting = self.waiting();
        if waiting.known.insert(event.clone()) {
            waiting.in_order.push_back(event);
            self.more.notify_one();
        }
    }

    async fn next(&self) -> StoreEvent {
        loop {
            if let Some(event) = self.take() {
                return event;
            }
            self.more.notified().await;
        }
    }

    fn take(&self) -> Option<StoreEvent> {
        let mut waiting = self.waiting();
        let event = waiting.in_order.pop_front()?;
        waiting.known.remove(&event);
        Some(event)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }
}
