//! Gives audit events to the partner's function, in a thread of its own: whatever the function does, no
//! request waits for it.

use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{AuditEvent, AuditKind};
use crate::clock::{LogThrottle, SharedClock};
use crate::meter;

/// How many events may wait for the function.
const WAITING: usize = 4096;

/// How many of these places are reserved for events that an outsider cannot cause.
const RESERVED: usize = WAITING / 2;

/// The partner's function.
#[derive(Clone)]
pub(crate) struct AuditFunction(Arc<dyn Fn(&AuditEvent) + Send + Sync>);

impl AuditFunction {
    pub(crate) fn new(function: impl Fn(&AuditEvent) + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }
}

/// The queue to the thread. The thread ends when the last sender is dropped and the queue is empty.
#[derive(Clone)]
pub(crate) struct AuditHook {
    queue: Sender<AuditEvent>,
    warnings: Arc<Warnings>,
}

/// Limits the log lines about dropped events. A flood by outsiders does not suppress the other line.
#[derive(Default)]
struct Warnings {
    full: LogThrottle,
    outsiders: LogThrottle,
}

impl AuditHook {
    /// Starts the thread.
    pub(crate) fn start(function: AuditFunction) -> io::Result<Self> {
        // Counts zero, so that an alert has a series to watch from the start.
        meter::audit_events_dropped(0);
        let (queue, events) = channel(WAITING);
        let thread = thread::Builder::new().name("heroku-sso-audit".to_owned());
        thread.spawn(move || call_for_each(&function, events))?;
        let warnings = Arc::default();
        Ok(Self { queue, warnings })
    }

    /// Never waits. An event for which there is no room is dropped.
    pub(super) fn send(&self, event: AuditEvent, clock: &SharedClock) {
        let kind = event.event;
        if is_caused_by_outsiders(kind) && self.queue.capacity() <= RESERVED {
            meter::audit_events_dropped(1);
            if self.warnings.outsiders.is_due(clock) {
                tracing::warn!(
                    event_name = kind.as_str(),
                    "on_audit is slow: {RESERVED} events wait for it; rejections of outsiders are dropped \
                     (logged at most once an hour)"
                );
            }
        } else if self.queue.try_send(event).is_err() {
            meter::audit_events_dropped(1);
            if self.warnings.full.is_due(clock) {
                tracing::error!(
                    event_name = kind.as_str(),
                    "on_audit is too slow: {WAITING} events wait for it; events are dropped (logged at most \
                     once an hour)"
                );
            }
        }
    }
}

/// True for events that need neither a session nor Heroku's signature: a flood of them costs an outsider
/// nothing.
fn is_caused_by_outsiders(kind: AuditKind) -> bool {
    matches!(
        kind,
        AuditKind::PartnerCallRejected
            | AuditKind::RequestObserved
            | AuditKind::SignInObserved
            | AuditKind::SignInRejected
    )
}

fn call_for_each(AuditFunction(function): &AuditFunction, mut events: Receiver<AuditEvent>) {
    while let Some(event) = events.blocking_recv() {
        // The function gets a reference and keeps no state of ours, so a panic leaves nothing half done here.
        let called = panic::catch_unwind(AssertUnwindSafe(|| function(&event)));
        if called.is_err() {
            tracing::error!(
                event_name = event.event.as_str(),
                "on_audit panicked; it is called again for the next event"
            );
        }
    }
}

impl fmt::Debug for AuditFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditFunction(..)")
    }
}

impl fmt::Debug for AuditHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditHook(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use time::OffsetDateTime;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn slow_function_loses_events_beyond_the_queue() {
        let (go_on, wait) = mpsc::channel::<()>();
        let wait = parking_lot::Mutex::new(wait);
        let (begin, begun) = mpsc::channel();
        let (sender, called) = mpsc::channel();
        let hook = AuditHook::start(AuditFunction::new(move |event| {
            // The other end may be gone.
            let _ = begin.send(());
            // Until the other end is dropped.
            let _ = wait.lock().recv();
            sender.send(event.resources).unwrap();
        }));
        let hook = hook.unwrap();
        let at = OffsetDateTime::UNIX_EPOCH;
        let number = |number| AuditEvent {
            resources: Some(number),
            ..AuditEvent::new(AuditKind::DormancyBraked, at)
        };
        let most = WAITING as u64 + 1;
        let clock: SharedClock = Arc::new(ManualClock::new());
        hook.send(number(0), &clock);
        // The function has the first one, and the queue is empty.
        begun.recv().unwrap();
        for sent in 1..most + 10 {
            hook.send(number(sent), &clock);
        }
        drop((go_on, hook));
        let called: Vec<_> = called.into_iter().flatten().collect();
        // One with the function and the queue behind it.
        assert!(called.iter().copied().eq(0..most), "in order");
    }
}
